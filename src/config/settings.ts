import { withoutPassword } from '../libstorage/without-password.ts'
import type { Config } from './config.ts'
import { type DriverKeys, defaultOf, findDriverKey, isSecret } from './driver-keys.ts'
import { type Key, moduleKeys, operationKeys, programKeys, serviceKeys } from './keys.ts'
import { type Found, type Lookup, namesOf } from './lookup.ts'
import { MODULES, moduleScopes, nameIn, serviceOfModule } from './modules.ts'
import { type OperationKey, operationNames } from './operations.ts'
import { callKeys, SERVICES, serviceScopes } from './service-scopes.ts'
import { wantedService } from './services.ts'

/** A key with the value that it has, whoever set it. */
export interface EffectiveSetting {
  /** Dotted, from the root: what holds for one service stands beneath it. */
  readonly path: string
  /** As one would write it; a secret is `***`, and undefined means that there is none. */
  readonly value: string | readonly string[] | undefined
  /** `/etc/rexray/config.yml:3:5`, `environment REXRAY_PREEMPT`, `flag --logLevel` or `default`. */
  readonly source: string
}

/** What settings are listed from. */
export interface SettingSources {
  readonly lookup: Lookup
  readonly drivers: readonly DriverKeys[]
  readonly config: Config
}

/**
 * Lists every setting in force: those of the program, of each module, and of each service. Where no service is configured,
 * those of operations stand at the root, for the one that is chosen at the start.
 */
export function effectiveSettings(sources: SettingSources): readonly EffectiveSetting[] {
  const { config, lookup } = sources
  const level = lookup.find(namesOf(programKeys.logLevel))
  const wanted = wantedService(lookup)
  return [
    settingOf(programKeys.logLevel.path, level, config.logLevel),
    ...[programKeys.callTimeout, programKeys.defaultService].map((key) =>
      settingOf(key.path, lookup.find(namesOf(key)), lookup.defaultOf(key)),
    ),
    ...config.modules.flatMap((module) => moduleSettings(module, sources)),
    {
      path: programKeys.service.path,
      value: config.defaultService,
      source: wanted?.source ?? 'default',
    },
    ...(config.services.length === 0 ? operationSettings(lookup, '', []) : []),
    ...config.services.flatMap((each) => serviceSettings(each, sources)),
  ]
}

function moduleSettings(
  { name, host, service, spec }: Config['modules'][number],
  { lookup, config }: SettingSources,
): readonly EffectiveSetting[] {
  const scopes = moduleScopes(name)
  const prefix = `${MODULES}.${name}.`
  const within = (key: Key) => lookup.findWithin(namesOf(key), scopes.slice(0, 1))
  const offered = service ?? config.defaultService
  const overrides = callKeys.flatMap((key) => {
    const found = lookup.findWithin(operationNames[key], scopes)
    return found === undefined ? [] : [settingOf(prefix + operationKeys[key].path, found, '')]
  })
  return [
    { path: `${prefix}type`, value: 'docker', source: sourceOf(within(moduleKeys.type)) },
    { path: `${prefix}host`, value: host, source: sourceOf(within(moduleKeys.host)) },
    { path: `${prefix}spec`, value: spec, source: sourceOf(within(moduleKeys.spec)) },
    {
      path: prefix + moduleKeys.service.path,
      value: offered,
      source: sourceOf(serviceOfModule(lookup, name)),
    },
    ...overrides,
  ]
}

function serviceSettings(
  { name, driver }: Config['services'][number],
  { lookup, drivers, config }: SettingSources,
): readonly EffectiveSetting[] {
  const { own, all } = serviceScopes(name)
  const prefix = `${SERVICES}.${name}.`
  const shared = config.modules
    .filter(({ service = config.primaryService }) => service === name)
    .slice(0, 1)
    .flatMap((module) => moduleScopes(module.name))
  const definition = drivers.find((candidate) => candidate.name === driver)
  const schemas = Object.entries(definition?.settings.shape ?? {})
  const ofDriver = schemas.map(([key, schema]) => {
    const found = definition && findDriverKey(definition, key, lookup, [...shared, ...all])
    const usual = defaultOf(schema)
    const setting = settingOf(
      `${prefix}${driver}.${key}`,
      found,
      usual === undefined ? '' : String(usual),
    )
    return isSecret(schema) && setting.value !== undefined ? { ...setting, value: '***' } : setting
  })
  const wanted = wantedService(lookup)
  const implied = wanted !== undefined && nameIn(wanted) === name ? wanted : undefined
  const chosen = lookup.findWithin(namesOf(serviceKeys.driver), own) ?? implied
  return [
    { path: `${prefix}driver`, value: driver, source: sourceOf(chosen) },
    ...ofDriver,
    ...operationSettings(lookup, prefix, all, shared),
  ]
}

function operationSettings(
  lookup: Lookup,
  prefix: string,
  scopes: readonly string[],
  shared: readonly string[] = [],
): readonly EffectiveSetting[] {
  const keys = (Object.keys(operationKeys) as OperationKey[]).filter(
    (key) => key !== 'volumeRootPath',
  )
  return keys.map((key) => {
    const places = callKeys.includes(key) ? scopes : [...shared, ...scopes]
    const found = lookup.find(operationNames[key], places)
    return settingOf(prefix + operationKeys[key].path, found, lookup.defaultOf(operationKeys[key]))
  })
}

function settingOf(path: string, found: Found | undefined, usual: string): EffectiveSetting {
  const isSaid = found !== undefined && found.value !== ''
  const value = isSaid ? shown(found.value) : usual
  return {
    path,
    value: value === '' ? undefined : value,
    source: isSaid ? found.source : 'default',
  }
}

function shown(value: string | readonly string[]): string | readonly string[] {
  return typeof value === 'string' ? withoutPassword(value) : value.map(withoutPassword)
}

function sourceOf(found: Found | undefined): string {
  return found === undefined || found.value === '' ? 'default' : found.source
}
