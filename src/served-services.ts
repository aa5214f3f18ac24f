import path from 'node:path'
import type { OperationsConfig, ServiceConfig } from './config/config.ts'
import type { LoadedConfig } from './config/load.ts'
import { chooseDefaultService, type DefaultChoice } from './default-service.ts'
import { FailedPreconditionError, InvalidArgumentError } from './libstorage/errors.ts'
import type { Logger } from './libstorage/logger.ts'
import type { Run } from './libstorage/run.ts'
import { createService, type Service } from './libstorage/service.ts'
import { createMountManager, type MountManagerParts } from './mount/create-mount-manager.ts'
import type { EventSink } from './mount/events.ts'
import type { MountManager } from './mount/mount-manager.ts'
import type { ProviderDefinition } from './providers/definition.ts'

/** Whether this process serves volumes for as long as it lives, or runs one command. */
export type AppUse = 'server' | 'command'

/** A service with the volumes that it offers on this machine. */
export interface ManagedService {
  readonly service: Service
  readonly operations: OperationsConfig
  readonly volumes: MountManager
}

/** What services are made from. */
export interface ServiceParts {
  readonly config: LoadedConfig
  readonly providers: readonly ProviderDefinition[]
  readonly logger: Logger
  readonly events: EventSink
  readonly use: AppUse
  /** How tools of the operating system are run. */
  readonly run: Run
}

/** The services of this process. */
export interface ServedServices {
  readonly services: readonly ManagedService[]
  /** The name of the one that is meant when none is named. */
  readonly defaultName: string
  /** What was chosen because nothing is configured. */
  readonly choice: DefaultChoice | undefined
}

/**
 * Makes the services: a server's are all that are configured, a command's is the one that is meant. Rejects with
 * `FailedPreconditionError` where this machine cannot serve one of them.
 */
export async function openServices(parts: ServiceParts): Promise<ServedServices> {
  const { configured, choice, defaultName } = await configuredServices(parts)
  const wanted =
    parts.use === 'server' ? configured : configured.filter(({ name }) => name === defaultName)
  const services = await Promise.all(
    wanted.map((service) => openService(service, places(service, configured, defaultName), parts)),
  )
  return { services, defaultName, choice }
}

interface ConfiguredServices extends Omit<ServedServices, 'services'> {
  readonly configured: readonly ServiceConfig[]
}

async function configuredServices({
  config,
  providers,
}: ServiceParts): Promise<ConfiguredServices> {
  const { services, defaultService } = config
  if (defaultService !== undefined)
    return { configured: services, choice: undefined, defaultName: defaultService }
  const choice = await chooseDefaultService(providers, config.directories.lib)
  const chosen = config.resolveService(choice.driver, choice.driver)
  return { configured: [chosen], choice, defaultName: chosen.name }
}

async function openService(
  { name, driver, settings, operations }: ServiceConfig,
  place: ServicePlace,
  { config, providers, logger, events, use, run }: ServiceParts,
): Promise<ManagedService> {
  const { directories } = config
  const definition = await servableDefinition({ name, driver }, providers)
  const context = { service: name, libDirectory: directories.lib, run }
  const service = createService(name, await definition.create(settings, context), logger)
  const volumes = createMountManager({
    service,
    settings: operations,
    role: use,
    ...place,
    libDirectory: directories.lib,
    runDirectory: directories.run,
    run,
    logger,
    events,
  })
  return { service, operations, volumes }
}

type ServicePlace = Pick<MountManagerParts, 'mountFolder' | 'reservedNames'>

/**
 * The default service mounts right in its path, every other one in a folder of its own there, unless it has a path of its
 * own. Volumes of the default service that are named like such a folder give way.
 */
function places(
  { name, operations }: ServiceConfig,
  configured: readonly ServiceConfig[],
  defaultName: string,
): ServicePlace {
  const { mount } = operations
  if (mount.pathIsOwn) return { mountFolder: mount.path, reservedNames: new Set() }
  if (name !== defaultName)
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
