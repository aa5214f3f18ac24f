import { InvalidArgumentError } from '../libstorage/errors.ts'
import type { ModuleConfig, ServiceConfig } from './config.ts'
import { type DriverKeys, driverNamed, resolveDriverSettings, sectionsOf } from './driver-keys.ts'
import { moduleKeys, programKeys, serviceKeys } from './keys.ts'
import { type Found, type Lookup, namesOf, placeOf } from './lookup.ts'
import { MODULES } from './modules.ts'
import { resolveOperations } from './operations.ts'
import { rexrayDrivers } from './rexray-keys.ts'

/** The section that has one section for each service. */
export const SERVICES = 'libstorage.server.services'

/** What services are resolved from. */
export interface ServiceSources {
  readonly lookup: Lookup
  readonly drivers: readonly DriverKeys[]
  readonly modules: readonly ModuleConfig[]
}

/** The services, and the one that is meant when none is named. */
export interface ResolvedServices {
  readonly services: readonly ServiceConfig[]
  readonly defaultService: string | undefined
  readonly primaryService: string | undefined
}

/**
 * Resolves the services that are configured: those of `libstorage.server.services`, or else the one that
 * `libstorage.service` names, with the driver of that name. Throws `InvalidArgumentError` where a driver or service is
 * unknown, or where drivers are configured but none is chosen.
 */
export function resolveServices(sources: ServiceSources): ResolvedServices {
  const { lookup, modules } = sources
  const wanted = wantedService(lookup)
  const inModules = modules.flatMap(({ name }) => serviceOfModule(lookup, name) ?? [])
  const named = wanted === undefined ? inModules : [wanted, ...inModules]
  const configured = lookup.find(namesOf(programKeys.service))
  const lasting =
    configured === undefined || configured.value === '' ? inModules : [configured, ...inModules]
  const described = describedServices(sources)
  if (described.length > 0) {
    const names = described.map(({ name }) => name)
    for (const found of named) requireConfigured(found, names)
    const services = described.map(({ name, driver }) => resolveService(sources, name, driver))
    const defaultService = chooseDefault(named, names)
    return { services, defaultService, primaryService: primaryOf(lasting, defaultService) }
  }
  if (named.length === 0) refuseUnchosen(sources)
  const unique = new Map(named.map((found) => [nameOf(found), found]))
  const services = [...unique].map(([name, found]) =>
    resolveService(sources, name, requireDriver(sources.drivers, found)),
  )
  const defaultService = services[0]?.name
  return { services, defaultService, primaryService: primaryOf(lasting, defaultService) }
}

/** Resolves one service with the scopes and defaults of its name. Throws `InvalidArgumentError` about wrong values. */
export function resolveService(
  { lookup, drivers }: ServiceSources,
  name: string,
  driver: string,
): ServiceConfig {
  const service = name.toLowerCase()
  const definition = driverNamed(drivers, driver)
  if (definition === undefined) {
    throw unknownDriver(`service ${JSON.stringify(service)}`, driver, drivers)
  }
  const scopes = serviceScopes(service)
  return {
    name: service,
    driver: definition.name,
    settings: resolveDriverSettings({ driver: definition, service }, lookup, scopes.all),
    operations: resolveOperations(lookup, scopes),
  }
}

/** Where a service's keys are looked for before those of the whole program. */
export function serviceScopes(service: string): { own: readonly string[]; all: readonly string[] } {
  const own = [`rexray.${SERVICES}.${service}`, `${SERVICES}.${service}`]
  return { own, all: [...own, 'rexray.libstorage.server', 'libstorage.server'] }
}

function describedServices({
  lookup,
  drivers,
}: ServiceSources): readonly { readonly name: string; readonly driver: string }[] {
  const names = new Set([...lookup.sections(SERVICES), ...lookup.sections(`rexray.${SERVICES}`)])
  return [...names].map((name) => {
    const key = serviceKeys.driver
    const found = lookup.findWithin(namesOf(key), serviceScopes(name).own)
    if (found !== undefined && found.value !== '') {
      return { name, driver: requireDriver(drivers, found) }
    }
    const implied = driverNamed(drivers, name)
    if (implied !== undefined) return { name, driver: implied.name }
    throw new InvalidArgumentError({
      subject: `service ${JSON.stringify(name)}`,
      problem: 'has no driver',
      remedy: `set ${SERVICES}.${name}.driver to one of ${driverNames(drivers)}`,
    })
  })
}

/** The one that files and variables choose, or else the one that this call means. */
function primaryOf(
  lasting: readonly Found[],
  defaultService: string | undefined,
): string | undefined {
  return lasting[0] === undefined ? defaultService : nameOf(lasting[0])
}

/** The first that is named, by the program's keys or else by a module, or the only one. */
function chooseDefault(named: readonly Found[], services: readonly string[]): string {
  const [first] = named
  if (first !== undefined) return nameOf(first)
  const [only, second] = services
  if (only !== undefined && second === undefined) return only
  throw new InvalidArgumentError({
    subject: programKeys.service.path,
    problem: `is not set while there are several services (${services.join(', ')})`,
    remedy: 'set it to the one that is meant when none is named, or give --service',
  })
}

function requireConfigured(found: Found, services: readonly string[]): void {
  if (services.includes(nameOf(found))) return
  throw new InvalidArgumentError({
    subject: `${found.source}: ${found.path}`,
    problem: `names ${JSON.stringify(found.written)}, which is no configured service`,
    remedy: `use one of ${services.join(', ')}`,
  })
}

function wantedService(lookup: Lookup): Found | undefined {
  const found = [programKeys.cliService, programKeys.service].map((key) =>
    lookup.find(namesOf(key)),
  )
  return found.find((candidate) => candidate !== undefined && candidate.value !== '')
}

function serviceOfModule(lookup: Lookup, module: string): Found | undefined {
  const found = lookup.findWithin(namesOf(moduleKeys.service), [`${MODULES}.${module}`])
  return found?.value === '' ? undefined : found
}

function nameOf({ value }: Found): string {
  return String(value).trim().toLowerCase()
}

function requireDriver(drivers: readonly DriverKeys[], found: Found): string {
  const driver = driverNamed(drivers, nameOf(found))
  if (driver !== undefined) return driver.name
  throw unknownDriver(`${found.source}: ${found.path}`, String(found.written), drivers)
}

function unknownDriver(
  subject: string,
  driver: string,
  drivers: readonly DriverKeys[],
): InvalidArgumentError {
  return new InvalidArgumentError({
    subject,
    problem: `names ${JSON.stringify(driver)}, which is no driver`,
    remedy: `use one of ${driverNames(drivers)}`,
  })
}

function driverNames(drivers: readonly DriverKeys[]): string {
  return drivers.map(({ name }) => name).join(', ')
}

/** Whoever configures a driver means it: choosing another one would put empty volumes beside the real ones. */
function refuseUnchosen({ lookup, drivers }: ServiceSources): void {
  const section = driverSection(lookup, drivers)
  const older = lookup.find({ paths: ['rexray.storageDrivers'] })
  const host = lookup.find({ paths: ['rexray.host', 'libstorage.host'] })
  const meant = section?.name ?? [older?.value].flat()[0]?.split(/\s+/)[0]
  const found = section ?? older ?? host ?? emptyChoice(lookup)
  if (found === undefined) return
  throw new InvalidArgumentError({
    subject: `${found.source}: ${found.path}`,
    problem: 'is configured, but no service is chosen',
    remedy: `set ${programKeys.service.path} to ${meant ?? `one of ${driverNames(drivers)}`}`,
  })
}

/** The first key in a file that chooses a service, though it comes to nothing. */
function emptyChoice(
  lookup: Lookup,
): { readonly source: string; readonly path: string } | undefined {
  const entry = [...lookup.entries()].find(({ key }) =>
    /^(rexray\.)?(libstorage\.)?(service|server)(\.|$)/.test(key),
  )
  return entry === undefined ? undefined : { source: placeOf(entry), path: entry.path }
}

/** The first key in a file that belongs to a driver. */
function driverSection(
  lookup: Lookup,
  drivers: readonly DriverKeys[],
): { readonly name: string; readonly source: string; readonly path: string } | undefined {
  const sections = new Set([...rexrayDrivers, ...drivers.flatMap(sectionsOf)])
  for (const entry of lookup.entries()) {
    const [name = ''] = entry.key.replace(/^rexray\./, '').split('.')
    if (sections.has(name)) return { name, source: placeOf(entry), path: entry.path }
  }
  return undefined
}
