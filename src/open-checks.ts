import path from 'node:path'
import type { ServiceConfig } from './config/config.ts'
import type { ConfigInput, ExaminedConfig } from './config/load.ts'
import { CHOICE_FILE, foreseeDefaultService } from './default-service.ts'
import { reachedFromOutside } from './doctor/commands.ts'
import type { CheckGroup } from './doctor/examine.ts'
import { type Habitat, readHabitat } from './doctor/habitat.ts'
import { clockCheck } from './doctor/machine/clock.ts'
import { configurationCheck } from './doctor/machine/configuration.ts'
import { containerCheck } from './doctor/machine/container.ts'
import { engineCheck } from './doctor/machine/engine.ts'
import { foldersChecks } from './doctor/machine/folders.ts'
import { kernelCheck } from './doctor/machine/kernel.ts'
import { programCheck } from './doctor/machine/program.ts'
import { socketsCheck } from './doctor/machine/sockets.ts'
import { toolsCheck } from './doctor/machine/tools.ts'
import { driverCheck } from './doctor/service.ts'
import { storyOf } from './doctor/story/story.ts'
import { serviceChecks } from './doctor/volumes/checks.ts'
import { ServiceLook } from './doctor/volumes/service-look.ts'
import { examineConfiguration } from './examine-configuration.ts'
import { isStorageError, type StorageError } from './libstorage/errors.ts'
import { identifyProcess } from './libstorage/process-identity.ts'
import { type Run, run } from './libstorage/run.ts'
import type { Provider } from './libstorage/storage-driver.ts'
import { olderFolders } from './mount/create-mount-manager.ts'
import { ownerOfLock, SERVER_LOCK } from './mount/locks.ts'
import type { ProviderDefinition } from './providers/definition.ts'
import { requireSettings } from './require-settings.ts'
import { places } from './served-services.ts'
import { version } from './version.ts'

/** How long a disk may take to answer before anything else asks it, in milliseconds. */
const READ_MS = 2_000

/** What the checks look at. */
export interface CheckInput extends ConfigInput {
  readonly drivers: readonly ProviderDefinition[]
  /** The one volume whose story is told, instead of all that there is. */
  readonly volume?: string | undefined
  readonly habitat: Habitat
}

/**
 * All checks, the machine's first and then those of each service; of one volume those that tell its story. Reads the
 * configuration and opens nothing: what the checks look at they look at when they run, and nothing is changed by them.
 */
export async function openChecks(input: CheckInput): Promise<readonly CheckGroup[]> {
  const { server, groups } = await checksOf(input)
  const { habitat } = input
  if (habitat.kind === 'machine') return groups
  return reachedFromOutside(groups, async () => {
    if (habitat.kind === 'plugin') return habitat
    const pid = await server()
    return pid === undefined ? undefined : readHabitat(pid)
  })
}

async function checksOf(input: CheckInput): Promise<{
  readonly groups: readonly CheckGroup[]
  readonly server: () => Promise<number | undefined>
}> {
  const examined = await examineConfiguration(input, input.drivers)
  const { config } = examined
  const { services, serves } = await servicesOf(examined, input.drivers)
  const server = serverOf(config.directories.run)
  const opening: Opening = { input, examined, services, server, run }
  const machine: CheckGroup = { checks: machineChecks(opening, serves) }
  const meant = services.filter(
    ({ name }) =>
      input.volume === undefined || name === (config.defaultService ?? services[0]?.name),
  )
  const groups = await Promise.all(meant.map((service) => groupOf(service, opening)))
  if (input.volume === undefined) return { server, groups: [machine, ...groups] }
  const needed = new Set(['machine.configuration', 'machine.folders'])
  const few = machine.checks.filter(({ id }) => needed.has(id))
  return { server, groups: [{ checks: few }, ...groups] }
}

interface Opening {
  readonly input: CheckInput
  readonly examined: ExaminedConfig
  readonly services: readonly ServiceConfig[]
  readonly server: () => Promise<number | undefined>
  readonly run: Run
}

function machineChecks(opening: Opening, serves: Serving['serves']): CheckGroup['checks'] {
  const { input, examined, services, server, run } = opening
  const { config } = examined
  const ofBlocks = services.filter(
    ({ driver }) => definitionOf(driver, input.drivers)?.storage !== 'directory',
  )
  const blocks = ofBlocks.length > 0
  const fsTypes = new Set(ofBlocks.map(({ operations }) => operations.create.default.fsType))
  const mistaken = examined.mistakes.length > 0
  const mountFolders = [...new Set(services.map(({ operations }) => operations.mount.path))]
  return [
    programCheck({ version, uid: input.uid }),
    containerCheck({
      habitat: input.habitat,
      stateFolder: config.directories.lib,
      mountFolders,
      modules: config.modules,
      pools: mistaken ? [] : services.flatMap((service) => poolOf(service, opening) ?? []),
      blocks,
    }),
    configurationCheck(examined, serves),
    ...foldersChecks(config.directories, run),
    kernelCheck(fsTypes),
    toolsCheck({ blocks, fsTypes }, run),
    clockCheck({ run, now: () => new Date() }),
    engineCheck({
      modules: config.modules,
      mountFolders,
      server,
      blocks,
      run,
      habitat: input.habitat,
    }),
    socketsCheck({ modules: config.modules, server }),
  ]
}

async function groupOf(service: ServiceConfig, opening: Opening): Promise<CheckGroup> {
  const { input, examined, run } = opening
  const { name, driver, settings, operations } = service
  const definition = definitionOf(driver, input.drivers)
  const context = { service: name, libDirectory: examined.config.directories.lib, run }
  const drivers = driverCheck({ driver, unavailable: async () => definition?.unavailable() })
  const look = lookAt(service, opening)
  if (input.volume !== undefined)
    return { service: name, checks: [drivers, ledgerOf(look), ...storyOf(input.volume, look)] }
  // Where the configuration is wrong, there may be no settings.
  const isWhole = examined.mistakes.length === 0
  const use = { stopsMachines: operations.mount.preempt === 'fence' }
  const own = isWhole ? ((await definition?.checks?.(settings, context, use)) ?? []) : []
  return { service: name, checks: [drivers, ...own, ...serviceChecks(look)] }
}

/** The folder of this machine in which a driver keeps volumes. */
function poolOf(
  { name, driver, settings }: ServiceConfig,
  { input, examined, run }: Opening,
): string | undefined {
  const context = { service: name, libDirectory: examined.config.directories.lib, run }
  return definitionOf(driver, input.drivers)?.exclusiveStorage?.(settings, context)
}

function ledgerOf(look: ServiceLook): CheckGroup['checks'][number] {
  const [ledger] = serviceChecks(look).filter(({ id }) => id === 'volumes.ledger')
  if (ledger === undefined) throw new Error('there is no check of the ledger')
  return ledger
}

function lookAt(
  { name, driver, settings, operations }: ServiceConfig,
  { input, examined, services, server, run }: Opening,
): ServiceLook {
  const { config } = examined
  const { lib, log } = config.directories
  const definition = definitionOf(driver, input.drivers)
  const primary = config.primaryService ?? services[0]?.name ?? name
  const { mountFolder, reservedNames } = places({ name, operations }, services, primary)
  return new ServiceLook({
    service: name,
    settings: operations,
    storage: definition?.storage ?? 'block',
    mountFolder,
    reservedNames,
    olderFolders: () => olderFolders(lib),
    ledgerFolder: path.join(lib, 'ledger', name),
    logDirectory: log,
    openProvider: () => openProvider({ name, driver, settings }, { definition, lib, run }),
    server,
    run,
    now: () => new Date(),
  })
}

/** Opens the provider of a service for looking only, once its storage has answered a process that may hang. */
async function openProvider(
  { name, driver, settings }: Pick<ServiceConfig, 'name' | 'driver' | 'settings'>,
  {
    definition,
    lib,
    run,
  }: {
    readonly definition: ProviderDefinition | undefined
    readonly lib: string
    readonly run: Run
  },
): Promise<Provider> {
  if (definition === undefined) throw new Error(`there is no driver ${driver}`)
  requireSettings(name, settings)
  const context = { service: name, libDirectory: lib, run, looksOnly: true }
  const storage = definition.exclusiveStorage?.(settings, context)
  if (storage !== undefined) await run('stat', ['-f', '--', storage], { timeoutMs: READ_MS })
  return await definition.create(settings, context)
}

interface Serving {
  readonly services: readonly ServiceConfig[]
  /** What a server would serve, in words; or why it would serve nothing. */
  readonly serves: string | StorageError
}

/** The services that are configured, or the one that would be chosen; it is not recorded. */
async function servicesOf(
  { config, mistakes }: ExaminedConfig,
  drivers: readonly ProviderDefinition[],
): Promise<Serving> {
  const { services, directories } = config
  const named = services.map(({ name, driver }) => `${name} (${driver})`).join(', ')
  if (services.length > 0) return { services, serves: `serves ${named}` }
  if (mistakes.length > 0) return { services, serves: 'serves nothing' }
  const file = path.join(directories.lib, CHOICE_FILE)
  try {
    const read = await run('cat', ['--', file], { timeoutMs: READ_MS })
    const recorded = read.exitCode === 0 ? read.stdout : undefined
    const { driver, reason } = await foreseeDefaultService(drivers, file, recorded)
    const serves = `serves ${driver}, because ${reason}`
    return { services: [config.resolveService(driver, driver)], serves }
  } catch (error) {
    if (isStorageError(error)) return { services, serves: error }
    throw error
  }
}

function definitionOf(
  driver: string,
  drivers: readonly ProviderDefinition[],
): ProviderDefinition | undefined {
  return drivers.find(({ name }) => name === driver)
}

/** The process of the server of this home, as far as it can be told apart from here; asked once. */
function serverOf(runDirectory: string): () => Promise<number | undefined> {
  const find = async () => {
    const owner = await ownerOfLock(runDirectory, SERVER_LOCK)
    const seen = owner && identifyProcess(owner.process.pid)
    return seen?.startTime === owner?.process.startTime ? seen?.pid : undefined
  }
  let found: Promise<number | undefined> | undefined
  return () => {
    found ??= find()
    return found
  }
}
