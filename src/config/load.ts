import { InvalidArgumentError } from '../libstorage/errors.ts'
import { nearest } from '../libstorage/nearest.ts'
import type { Config } from './config.ts'
import { resolveDirectories } from './directories.ts'
import type { DriverKeys } from './driver-keys.ts'
import { completeEnvironment, type Environment, flagIdentity, flagName } from './environment.ts'
import { readConfigFiles } from './files.ts'
import { operationKeys, programKeys } from './keys.ts'
import { Lookup, namesOf } from './lookup.ts'
import { resolveModules } from './modules.ts'
import { rexrayKeys } from './rexray-keys.ts'
import { resolveService, resolveServices, serviceScopes } from './services.ts'
import { rootKeys, warningsAbout } from './warnings.ts'

/** What the command line said. */
export interface Flags {
  /** `--config`: the only file to read then. */
  readonly configFile?: string
  /** `--host`: REX-Ray's server; understood, without effect. */
  readonly host?: string
  readonly service?: string
  readonly logLevel?: string
  /** Flags that are named like keys (`ebsRegion`, or `ebs.region`), in any case, with their values. */
  readonly properties?: Readonly<Record<string, string>>
}

/** Everything that a configuration is made of. */
export interface ConfigInput {
  readonly flags: Flags
  readonly env: Environment
  readonly uid: number
  readonly homeDirectory: string
  readonly drivers: readonly DriverKeys[]
  /** Where variables stand that the process does not have: `/etc/environment`. */
  readonly environmentFile?: string
}

/** A configuration that can say where its values come from. */
export interface LoadedConfig extends Config {
  /**
   * Where the value of one of the keys of volume operations comes from, for a service: `/etc/rexray/config.yml:3:5`,
   * `environment REXRAY_PREEMPT`, `flag --…` or `default`.
   */
  sourceOf(service: string, key: keyof typeof operationKeys): string
}

/** Resolves the configuration. Rejects with `InvalidArgumentError` about what is wrong in it, and where it stands. */
export async function loadConfig(input: ConfigInput): Promise<LoadedConfig> {
  const { flags, drivers, homeDirectory, uid } = input
  const env = await completeEnvironment(input.env, input.environmentFile ?? '/etc/environment')
  const directories = resolveDirectories({ env, uid, homeDirectory })
  const { files, entries } = await readConfigFiles({
    configFile: flags.configFile,
    etcDirectory: directories.etc,
    homeDirectory,
  })
  const lookup = new Lookup({ flags: flagValues(flags, drivers), env, entries, directories })
  const modules = resolveModules(lookup, directories.plugins)
  const sources = { lookup, drivers, modules }
  const services = resolveServices(sources)
  const fileWarnings = warningsAbout(lookup, drivers)
  if (services.services.length === 0) refuseDoubtful(fileWarnings)
  return {
    directories,
    logLevel: lookup.read(programKeys.logLevel),
    files,
    warnings: [...hostWarning(flags), ...fileWarnings],
    ...services,
    modules,
    resolveService: (name, driver) => resolveService(sources, name, driver),
    sourceOf: (service, key) => {
      const scopes = serviceScopes(service.toLowerCase()).all
      return lookup.find(namesOf(operationKeys[key]), scopes)?.source ?? 'default'
    },
  }
}

/** What was written may have meant another service than the one that would be chosen, whose volumes would be empty. */
function refuseDoubtful([first]: readonly string[]): void {
  if (first === undefined) return
  throw new InvalidArgumentError({
    subject: first,
    problem: 'and no service is chosen',
    remedy: `correct that, and set ${programKeys.service.path}`,
  })
}

function hostWarning({ host }: Flags): readonly string[] {
  return host === undefined ? [] : ['flag --host is one of REX-Ray without effect here']
}

/** All flags that were given, by {@link flagIdentity}. */
function flagValues(flags: Flags, drivers: readonly DriverKeys[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  const known = [...rootKeys(drivers), ...rexrayKeys.filter((key) => !key.includes('*'))]
  const identities = new Set(known.map(flagIdentity))
  for (const [flag, value] of Object.entries(flags.properties ?? {})) {
    if (!identities.has(flagIdentity(flag))) throw unknownFlag(flag, known)
    values.set(flagIdentity(flag), value)
  }
  const special = {
    'rexray.host': flags.host,
    [programKeys.cliService.path]: flags.service,
    [programKeys.logLevel.path]: flags.logLevel,
  }
  for (const [key, value] of Object.entries(special)) {
    if (value !== undefined) values.set(flagIdentity(key), value)
  }
  return values
}

function unknownFlag(flag: string, known: readonly string[]): InvalidArgumentError {
  const near = nearest(flagName(flag), known.map(flagName))
  return new InvalidArgumentError({
    subject: `flag --${flagName(flag)}`,
    problem: 'is unknown',
    remedy: near === undefined ? undefined : `did you mean --${near}`,
  })
}
