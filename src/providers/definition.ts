import type { z } from 'zod'
import type { Check } from '../libstorage/check.ts'
import type { Logger } from '../libstorage/logger.ts'
import type { Run } from '../libstorage/run.ts'
import type { Provider } from '../libstorage/storage-driver.ts'

/** What a provider is given besides its settings. */
export interface ProviderContext {
  /** The service's name, as configured. */
  readonly service: string
  /** The directory for state that survives a reboot; a local provider keeps its pool beneath it by default. */
  readonly libDirectory: string
  readonly run: Run
  /** Says something at a start that the user should know; where it is absent nobody listens. */
  readonly warn?: (message: string) => void
  /** Told of what is done without anybody having asked; where it is absent nobody listens. */
  readonly logger?: Pick<Logger, 'info' | 'warn'>
  /** Set for whoever only looks: then the provider leaves everything as it finds it, also what it would tidy up. */
  readonly looksOnly?: boolean
}

/** How a service is used, as far as that decides what its platform has to allow. */
export interface PlatformUse {
  /** Whether another machine is stopped to take a volume from it (`preempt: fence`). */
  readonly stopsMachines: boolean
}

/** What a platform has to allow whoever a service acts as. */
export interface PolicyAdvice {
  /** Which of the policies fits what is there. */
  readonly fits: string
  /** Why it does, a sentence without a full stop. */
  readonly because: string
  /** The platform's own documents, by name. */
  readonly policies: Readonly<Record<string, object>>
}

/** How a driver name becomes a provider. Its code is loaded only when it is used. */
export interface ProviderDefinition {
  readonly name: string
  /** Other names that configurations use for it. */
  readonly aliases: readonly string[]
  /** The keys beneath `<name>.`, each with its default and a description of one line. */
  readonly settings: z.ZodObject
  /** What its volumes are: devices unless it says otherwise. */
  readonly storage?: Provider['storage']
  /** What two services must not share, such as a folder; absent where sharing does no harm. */
  exclusiveStorage?(settings: unknown, context: ProviderContext): string
  /** Why this machine cannot serve it, as a clause (`needs root`), or undefined when it can. */
  unavailable(): Promise<string | undefined>
  /** Makes the provider. Settings were parsed by the schema above. */
  create(settings: unknown, context: ProviderContext): Promise<Provider>
  /**
   * What `doctor` looks at for a service of this driver, one after the other where one explains why another cannot run
   * (`after`, also by ids of this machine's checks); ids begin with the driver's name. Each has its section in `docs/doctor.md`.
   */
  checks?(settings: unknown, context: ProviderContext, use: PlatformUse): Promise<readonly Check[]>
  /** What `doctor --policy` prints; absent where a platform has no such thing. Needs no permission itself. */
  policy?(settings: unknown, use: PlatformUse): Promise<PolicyAdvice>
}
