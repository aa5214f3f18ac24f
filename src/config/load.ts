import type { Config, OperationsConfig, ServiceConfig } from './config.ts'
import { resolveDirectories } from './directories.ts'
import { type DriverKeys, driverNamed, judgeDriverKeys } from './driver-keys.ts'
import { completeEnvironment, ENVIRONMENT_FILE, type Environment } from './environment.ts'
import { type ConfigFile, readConfigFiles } from './files.ts'
import { type Flags, flagValues } from './flags.ts'
import { programKeys } from './keys.ts'
import { Lookup, type Reader } from './lookup.ts'
import { type Mistake, Mistakes, placeText } from './mistakes.ts'
import { moduleScopes, resolveModules } from './modules.ts'
import { type OperationKey, operationNames, resolveOperations } from './operations.ts'
import { callKeys, callScopes, serviceScopes, sharedScopes } from './service-scopes.ts'
import { type ChosenService, chooseServices, resolveService, unknownDriver } from './services.ts'
import { type EffectiveSetting, effectiveSettings } from './settings.ts'
import { type Surroundings, watchedEnvironment } from './surroundings.ts'
import { parseBoolean } from './values.ts'
import { withVariableFiles } from './variable-files.ts'
import { listVariables, type SettingVariable } from './variables.ts'
import { type Warning, warningsAbout, warningText } from './warnings.ts'

export type { Flags } from './flags.ts'

/** Everything that a configuration is made of. */
export interface ConfigInput {
  readonly flags: Flags
  readonly env: Environment
  readonly uid: number
  readonly homeDirectory: string
  readonly drivers: readonly DriverKeys[]
  /** Who reads it; the server unless said otherwise. */
  readonly reader?: Reader
  /** Where variables stand that the process does not have: `/etc/environment`. */
  readonly environmentFile?: string
}

/** A configuration that can say where its values come from. */
export interface LoadedConfig extends Config {
  /**
   * Where the value of one of the keys of volume operations comes from, for a service: `/etc/rexray/config.yml:3:5`,
   * `environment REXRAY_PREEMPT`, `flag --…` or `default`. With a module, for the calls that come through it.
   */
  sourceOf(service: string, key: OperationKey, module?: string): string
  /** What holds for calls through a module that offers a service; undefined where it says nothing but the service does. */
  operationsOf(module: string, service: string): OperationsConfig | undefined
  /** All settings of the program by the variables that set them. Their values are not masked. */
  variables(): readonly SettingVariable[]
  /** What is said of a key of REX-Ray's that has no meaning for serving volumes: `rexray.token.key`. */
  said(key: string): string | undefined
  /** What was found around the configuration so far: where a later reading finds the same, it comes to the same. */
  surroundings(): Surroundings
}

/** A configuration, right or wrong, with all that is to be said of it. */
export interface ExaminedConfig {
  /** Where there are mistakes, defaults stand for what is wrong. */
  readonly config: LoadedConfig
  readonly mistakes: readonly Mistake[]
  readonly warnings: readonly Warning[]
  readonly files: readonly ConfigFile[]
  readonly settings: readonly EffectiveSetting[]
}

/** Resolves the configuration. Rejects with `InvalidArgumentError` about all that is wrong in it, and where it stands. */
export async function loadConfig(input: ConfigInput): Promise<LoadedConfig> {
  const { config, mistakes } = await examine(input)
  mistakes.refuse()
  return config
}

/** Resolves the configuration as a server does, and says what is wrong in it, for commands too, instead of rejecting. */
export async function examineConfig(input: ConfigInput): Promise<ExaminedConfig> {
  const { mistakes, settings, ...examined } = await examine({ ...input, reader: 'server' })
  const forCommands = await examine({ ...input, reader: 'command' })
  for (const mistake of forCommands.mistakes.all) mistakes.add(mistake)
  return { ...examined, settings: settings(), mistakes: mistakes.all }
}

interface Examination extends Omit<ExaminedConfig, 'mistakes' | 'settings'> {
  readonly mistakes: Mistakes
  readonly settings: () => readonly EffectiveSetting[]
}

async function examine(input: ConfigInput): Promise<Examination> {
  const { flags, drivers, homeDirectory, uid, reader = 'server' } = input
  const mistakes = new Mistakes()
  const given = completeEnvironment(input.env, input.environmentFile ?? ENVIRONMENT_FILE)
  const { env, asked } = watchedEnvironment(await withVariableFiles(given, drivers, mistakes))
  const directories = resolveDirectories({ env, uid, homeDirectory })
  const places = { etcDirectory: directories.etc, homeDirectory, configFile: flags.configFile }
  const { files, entries, understood, looked } = await readConfigFiles(places, mistakes)
  const values = flagValues(flags, drivers, mistakes)
  // Of a file that cannot be understood the rest would say things that nobody meant.
  const judged = understood ? mistakes : new Mistakes()
  const lookup = new Lookup({ flags: values, env, entries, directories, mistakes: judged, reader })
  const modules = resolveModules(lookup, directories.plugins)
  const chosen = chooseServices({ lookup, drivers, modules })
  const resolver = new Resolver(lookup, drivers, { ...chosen, modules })
  const services = chosen.services.map((service) => resolver.service(service))
  const warnings = [...hostWarning(flags), ...warningsAbout({ lookup, drivers, files })]
  if (services.length === 0 || chosen.isUnsaid) refuseDoubtful(warnings, judged)
  resolver.checkModules()
  for (const service of services.length === 0 ? [...chosen.driverless, ''] : chosen.driverless)
    judgeService(lookup, service, drivers)
  const { defaultService, primaryService } = chosen
  const config: LoadedConfig = {
    directories,
    logLevel: isDebugging(env) ? 'debug' : lookup.read(programKeys.logLevel),
    callTimeoutMs: lookup.read(programKeys.callTimeout),
    files: files.map(({ path }) => path),
    warnings: [...new Set(warnings.map(warningText))],
    defaultService,
    primaryService,
    services,
    modules,
    resolveService: (name, driver) => resolver.chosen(name, driver),
    sourceOf: (service, key, module) => resolver.sourceOf(service, key, module),
    operationsOf: (module, service) => resolver.operationsOf(module, service),
    variables: () => listVariables(lookup, drivers),
    said: (key) => lookup.find({ paths: [key] })?.value.toString() || undefined,
    surroundings: () => ({
      variables: Object.fromEntries([...asked].map((name) => [name, env[name]])),
      files: Object.fromEntries(looked),
    }),
  }
  const settings = () => effectiveSettings({ lookup, drivers, config })
  return { config, mistakes, warnings, files, settings }
}

interface Resolved extends Pick<Config, 'modules' | 'primaryService'> {
  readonly services: readonly ChosenService[]
}

/** Resolves services and what modules say otherwise, also after the configuration was read. */
class Resolver {
  readonly #lookup: Lookup
  readonly #drivers: readonly DriverKeys[]
  readonly #resolved: Resolved

  constructor(lookup: Lookup, drivers: readonly DriverKeys[], resolved: Resolved) {
    this.#lookup = lookup
    this.#drivers = drivers
    this.#resolved = resolved
  }

  service(chosen: ChosenService): ServiceConfig {
    const { modules, primaryService } = this.#resolved
    const offering = modules.filter(
      ({ service = primaryService ?? chosen.name }) => service === chosen.name,
    )
    const shared = sharedScopes(this.#lookup, chosen, offering)
    return resolveService(this.#lookup, chosen, { ...serviceScopes(chosen.name), shared })
  }

  chosen(name: string, driver: string): ServiceConfig {
    const service = name.toLowerCase()
    const definition = driverNamed(this.#drivers, driver)
    const { mistakes } = this.#lookup
    if (definition === undefined) {
      const subject = `service ${JSON.stringify(service)}`
      mistakes.add(unknownDriver({ subject }, driver, this.#drivers))
    }
    const resolved = definition && this.service({ name: service, driver: definition })
    mistakes.refuse()
    if (resolved === undefined) throw new Error('an unknown driver was refused')
    return resolved
  }

  sourceOf(service: string, key: OperationKey, module?: string): string {
    const name = service.toLowerCase()
    const { all } = module === undefined ? serviceScopes(name) : callScopes(module, name)
    return this.#lookup.find(operationNames[key], all)?.source ?? 'default'
  }

  operationsOf(module: string, service: string): OperationsConfig | undefined {
    const scopes = moduleScopes(module)
    const isSaid = callKeys.some((key) => this.#lookup.findWithin(operationNames[key], scopes))
    if (!isSaid) return undefined
    return resolveOperations(this.#lookup, callScopes(module, service.toLowerCase()))
  }

  /** A wrong value beneath a module is a mistake though no call has come through it yet. */
  checkModules(): void {
    const { modules, primaryService = '' } = this.#resolved
    for (const { name, service = primaryService } of modules) this.operationsOf(name, service)
  }
}

/** Says what is wrong of a service that cannot be, or (without a name) of the one that will be chosen. */
function judgeService(lookup: Lookup, name: string, drivers: readonly DriverKeys[]): void {
  const scopes = serviceScopes(name)
  resolveOperations(lookup, scopes)
  if (lookup.mistakes.all.length === 0) return
  for (const driver of drivers) judgeDriverKeys(driver, lookup, scopes.all)
}

/** What was written may have meant another service than the one that would be chosen, whose volumes would be empty. */
function refuseDoubtful(warnings: readonly Warning[], mistakes: Mistakes): void {
  const first = warnings.find(({ isDoubtful }) => isDoubtful)
  if (first === undefined || mistakes.all.length > 0) return
  mistakes.add({
    source: first.place && placeText(first.place),
    place: first.place,
    subject: first.sentence,
    problem: 'and no service is chosen',
    remedy: `correct that, and set ${programKeys.service.path}`,
  })
}

function hostWarning({ host }: Flags): readonly Warning[] {
  const sentence = 'flag --host is one of REX-Ray without effect here'
  return host === undefined ? [] : [{ sentence, isDoubtful: false }]
}

/** The switches by which REX-Ray's developers asked for everything. */
function isDebugging(env: Environment): boolean {
  return [env['REXRAY_DEBUG'], env['LIBSTORAGE_DEBUG']].some((value) => parseBoolean(value ?? ''))
}
