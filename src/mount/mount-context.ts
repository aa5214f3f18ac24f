import type { Logger } from '../libstorage/logger.ts'
import type { ThisMachine } from '../libstorage/process-identity.ts'
import type { Service } from '../libstorage/service.ts'
import type { EventSink } from './events.ts'
import type { IntegrationCall } from './integration-driver.ts'
import type { Ledger } from './ledger.ts'
import type { MadeNames } from './made-names.ts'
import type { Mounter } from './mounter.ts'
import type { Places } from './places.ts'
import type { Publisher } from './publisher.ts'
import type { MountSettings } from './settings.ts'
import type { VolumeSessions } from './volume-session.ts'

/** Whether a process serves volumes for as long as it lives, or runs one command. */
export type ProcessRole = 'server' | 'command'

/** What bringing a volume up and releasing it work with. */
export interface MountContext {
  readonly service: Service
  readonly publisher: Publisher
  readonly mounter: Mounter
  readonly places: Places
  readonly settings: MountSettings
  readonly ledger: Ledger
  /** Absent where the platform shows at once what was made. */
  readonly made?: MadeNames | undefined
  readonly sessions: VolumeSessions
  readonly machine: ThisMachine
  readonly logger: Logger
  readonly events: EventSink
  /** A server answers at once and goes on in the background; a command has done all when it answers. */
  readonly role: ProcessRole
  /** Aborted when this process ends: what only waits for others stops then, and the next process goes on with it. */
  readonly closing?: AbortSignal
}

/** The same, with the settings that one call brings; what was made before the call keeps to those of the service. */
export function inCall(context: MountContext, { settings }: IntegrationCall): MountContext {
  return settings === undefined ? context : { ...context, settings }
}
