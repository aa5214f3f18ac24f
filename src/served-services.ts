import path from 'node:path'
import type { OperationsConfig, ServiceConfig } from './config/config.ts'
import type { LoadedConfig } from './config/load.ts'
import { chooseDefaultService, type DefaultChoice } from './default-service.ts'
import { FailedPreconditionError, InvalidArgumentError } from './libstorage/errors.ts'
import type { Logger } from './libstorage/logger.ts'
import type { Run, RunBehindGate } from './libstorage/run.ts'
import { createService, type Service } from './libstorage/service.ts'
import type { Provider } from './libstorage/storage-driver.ts'
import { createMountManager, type MountManagerParts } from './mount/create-mount-manager.ts'
import type { EventSink } from './mount/events.ts'
import type { IntegrationDriver } from './mount/integration-driver.ts'
import { announced, LastChangeFile } from './mount/last-change.ts'
import type { ProcessRole } from './mount/mount-context.ts'
import type { MountManager } from './mount/mount-manager.ts'
import type { ProviderContext, ProviderDefinition } from './providers/definition.ts'
import { refuseSharedStorage, type StorageOfService } from './shared-storage.ts'

/** A service with the volumes that it offers on this machine. */
export interface ServedService {
  readonly service: Service
  readonly operations: OperationsConfig
  /** The folder of its mount points. */
  readonly mountFolder: string
  readonly volumes: IntegrationDriver
  /** Whether its provider had something to say that every process says which uses it. */
  hasWarned(): boolean
}

/** What services are made from. */
export interface ServiceParts {
  readonly config: LoadedConfig
  readonly providers: readonly ProviderDefinition[]
  readonly logger: Logger
  readonly events: EventSink
  readonly role: ProcessRole
  /** How tools of the operating system are run. */
  readonly run: Run
  /** How tools that change a device are run. */
  readonly runBehindGate: RunBehindGate
}

/** The services of this process. */
export interface OpenServices {
  readonly services: readonly ServedService[]
  /** The name of the one that is meant when none is named. */
  readonly defaultName: string
  /** What was chosen because nothing is configured. */
  readonly choice: DefaultChoice | undefined
  /** Compares what is recorded with what the kernel says; a volume's calls wait for its own part of that. */
  start(): void
  /** Finishes what is under way. Mounts stay. */
  close(): Promise<void>
}

/**
 * Makes the services: a server's are all that are configured, a command's is the one that is meant. Rejects with
 * `FailedPreconditionError` where this machine cannot serve one of them.
 */
export async function openServices(parts: ServiceParts): Promise<OpenServices> {
  const { configured, choice, defaultName, primaryName } = await configuredServices(parts)
  await refuseSharedStorage(
    configured.map((service) => storageOf(service, parts)),
    parts.run,
  )
  const wanted =
    parts.role === 'server' ? configured : configured.filter(({ name }) => name === defaultName)
  const open = await Promise.all(
    wanted.map((service) => openService(service, places(service, configured, primaryName), parts)),
  )
  return {
    services: open.map(({ served }) => served),
    defaultName,
    choice,
    start: () => {
      for (const { manager } of open) manager.start()
    },
    close: async () => {
      await Promise.all(
        open.map(async ({ manager, provider }) => {
          await manager.close()
          await provider.close?.()
        }),
      )
    },
  }
}

function storageOf(
  { name, driver, settings }: ServiceConfig,
  parts: ServiceParts,
): StorageOfService {
  const definition = parts.providers.find((provider) => provider.name === driver)
  return { name, storage: definition?.exclusiveStorage?.(settings, contextOf(name, parts)) }
}

function contextOf(
  service: string,
  { config, run, logger }: ServiceParts,
): ProviderContext & Required<Pick<ProviderContext, 'warn'>> {
  const warn = (message: string) => logger.warn(message)
  return { service, libDirectory: config.directories.lib, run, warn, logger }
}

interface ConfiguredServices extends Pick<OpenServices, 'defaultName' | 'choice'> {
  readonly configured: readonly ServiceConfig[]
  /** The one that mounts right in its path, whichever service a command means. */
  readonly primaryName: string
}

async function configuredServices({
  config,
  providers,
}: ServiceParts): Promise<ConfiguredServices> {
  const { services, defaultService: defaultName, primaryService: primaryName } = config
  if (defaultName !== undefined && primaryName !== undefined)
    return { configured: services, choice: undefined, defaultName, primaryName }
  const choice = await chooseDefaultService(providers, config.directories.lib)
  const chosen = config.resolveService(choice.driver, choice.driver)
  return { configured: [chosen], choice, defaultName: chosen.name, primaryName: chosen.name }
}

interface OpenService {
  readonly served: ServedService
  readonly manager: MountManager
  readonly provider: Provider
}

async function openService(
  { name, driver, settings, operations }: ServiceConfig,
  place: ServicePlace,
  parts: ServiceParts,
): Promise<OpenService> {
  const { providers, logger, events, role, run, runBehindGate } = parts
  const { directories } = parts.config
  const definition = await servableDefinition({ name, driver }, providers)
  const context = contextOf(name, parts)
  let hasWarned = false
  const warn = (message: string) => {
    hasWarned = true
    context.warn(message)
  }
  const provider = await definition.create(settings, { ...context, warn })
  const service = createService(name, provider, logger)
  const manager = createMountManager({
    service,
    settings: operations,
    role,
    ...place,
    libDirectory: directories.lib,
    runDirectory: directories.run,
    run,
    runBehindGate,
    logger,
    events,
  })
  const { mountFolder } = place
  const isServer = role === 'server'
  const volumes = isServer ? manager : announced(manager, new LastChangeFile(directories.run))
  const served = { service, operations, mountFolder, volumes, hasWarned: () => hasWarned }
  return { served, manager, provider }
}

/** Where a service's volumes lie. */
export type ServicePlace = Pick<MountManagerParts, 'mountFolder' | 'reservedNames'>

/**
 * The primary service mounts right in its path, every other one in a folder of its own there, unless it has a path of its
 * own. Volumes of the primary service that are named like such a folder give way.
 */
export function places(
  { name, operations }: Pick<ServiceConfig, 'name' | 'operations'>,
  configured: readonly Pick<ServiceConfig, 'name'>[],
  primaryName: string,
): ServicePlace {
  const { mount } = operations
  if (mount.pathIsOwn) return { mountFolder: mount.path, reservedNames: new Set() }
  if (name !== primaryName)
    return { mountFolder: path.join(mount.path, name), reservedNames: new Set() }
  const others = configured.map((service) => service.name).filter((other) => other !== name)
  return { mountFolder: mount.path, reservedNames: new Set(others) }
}

async function servableDefinition(
  { name, driver }: Pick<ServiceConfig, 'name' | 'driver'>,
  providers: readonly ProviderDefinition[],
): Promise<ProviderDefinition> {
  const definition = providers.find((provider) => provider.name === driver)
  if (definition === undefined) {
    throw new InvalidArgumentError({
      subject: `service "${name}"`,
      problem: `has the driver "${driver}", which is none of ${providers.map((p) => p.name).join(', ')}`,
      remedy: 'correct its driver',
    })
  }
  const why = await definition.unavailable()
  if (why === undefined) return definition
  throw new FailedPreconditionError({
    subject: `service "${name}"`,
    problem: `cannot be served on this machine: ${driver} ${why}`,
    remedy: 'make that possible, or configure another service',
  })
}
