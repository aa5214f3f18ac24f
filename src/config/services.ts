import { editDistance, nearest } from '../libstorage/nearest.ts'
import type { ModuleConfig, ServiceConfig } from './config.ts'
import { type DriverKeys, driverNamed, resolveDriverSettings, sectionsOf } from './driver-keys.ts'
import { programKeys, STORAGE_DRIVERS, serviceKeys } from './keys.ts'
import { type Found, type KeyNames, type Lookup, namesOf } from './lookup.ts'
import { type Mistake, placeText } from './mistakes.ts'
import { nameIn, serviceOfModule } from './modules.ts'
import { type OperationScopes, resolveOperations } from './operations.ts'
import { rexrayDrivers } from './rexray-keys.ts'
import { SERVICES } from './service-scopes.ts'

/** The scopes in which a key holds for the whole program. */
const WIDE_SCOPES = /^(?:rexray\.(?:agent\.|cli\.)?|libstorage\.client\.)/

/** How the service is called that is meant when none is named. */
const serviceNames: KeyNames = { paths: [programKeys.service.path, STORAGE_DRIVERS] }

/** What services are resolved from. */
export interface ServiceSources {
  readonly lookup: Lookup
  readonly drivers: readonly DriverKeys[]
  readonly modules: readonly ModuleConfig[]
}

/** A service and its driver. */
export interface ChosenService {
  readonly name: string
  readonly driver: DriverKeys
}

/** The services that are configured, and the one that is meant when none is named. */
export interface ChosenServices {
  readonly services: readonly ChosenService[]
  /** Those that cannot be served, since they have no driver; empty too where nothing is chosen. */
  readonly driverless: readonly string[]
  /** Whether nobody chose: there is none, or the one of `rexray.defaultService`. */
  readonly isUnsaid: boolean
  readonly defaultService: string | undefined
  readonly primaryService: string | undefined
}

/**
 * Says which services there are: those of `libstorage.server.services`, or else the one that `libstorage.service` names,
 * with the driver of that name. An unknown driver or service, and drivers that are configured while none is chosen, are
 * among the lookup's mistakes.
 */
export function chooseServices(sources: ServiceSources): ChosenServices {
  const { lookup, drivers, modules } = sources
  const wanted = wantedService(lookup)
  const inModules = modules.flatMap(({ name }) => serviceOfModule(lookup, name) ?? [])
  const named = wanted === undefined ? inModules : [wanted, ...inModules]
  const configured = saidOf(lookup, { ...serviceNames, isMachines: true })
  const lasting = configured === undefined ? inModules : [configured, ...inModules]
  const names = describedNames(lookup)
  if (names.length > 0) {
    const services = names.flatMap((name) => describedService(sources, name) ?? [])
    const driverless = names.filter((name) => services.every((service) => service.name !== name))
    for (const found of named) requireConfigured(lookup, found, names)
    const defaultService = chooseDefault(lookup, named, names)
    const primaryService = primaryOf(lasting, defaultService)
    return { services, driverless, isUnsaid: false, defaultService, primaryService }
  }
  const isUnsaid = named.length === 0
  const implied = isUnsaid ? impliedService(sources) : named
  const unique = new Map(implied.map((found) => [nameIn(found), found]))
  const services = [...unique].flatMap(([name, found]) => {
    const driver = requireDriver(sources, found)
    return driver === undefined ? [] : { name, driver }
  })
  const driverless = [...unique.keys()].filter((name) => driverNamed(drivers, name) === undefined)
  const defaultService = services[0]?.name
  const primaryService = primaryOf(lasting, defaultService)
  return { services, driverless, isUnsaid, defaultService, primaryService }
}

/** Resolves one service in its scopes. Wrong values are among the lookup's mistakes. */
export function resolveService(
  lookup: Lookup,
  { name, driver }: ChosenService,
  scopes: OperationScopes,
): ServiceConfig {
  return {
    name,
    driver: driver.name,
    settings: resolveDriverSettings({ driver, service: name }, lookup, [
      ...scopes.shared,
      ...scopes.all,
    ]),
    operations: resolveOperations(lookup, scopes),
  }
}

/** The mistake of a service that names a driver which is none. */
export function unknownDriver(
  { source, place, subject }: Pick<Mistake, 'source' | 'place' | 'subject'>,
  driver: string,
  drivers: readonly DriverKeys[],
): Mistake {
  return {
    source,
    place,
    subject,
    problem: `names ${JSON.stringify(driver)}, which is no driver`,
    remedy: nearestOf(
      driver,
      drivers.map(({ name }) => name),
    ),
  }
}

function nearestOf(word: string, names: readonly string[]): string {
  const near = nearest(word, names)
  // A word of which no letter stays is no misspelling.
  const isNear = near !== undefined && editDistance(word.toLowerCase(), near) < word.length
  return `${isNear ? `did you mean ${near}, ` : ''}use one of ${names.join(', ')}`
}

function describedNames(lookup: Lookup): readonly string[] {
  return [...new Set([...lookup.sections(SERVICES), ...lookup.sections(`rexray.${SERVICES}`)])]
}

function describedService(sources: ServiceSources, name: string): ChosenService | undefined {
  const { lookup, drivers } = sources
  const own = [`rexray.${SERVICES}.${name}`, `${SERVICES}.${name}`]
  const found = lookup.findWithin(namesOf(serviceKeys.driver), own)
  const driver =
    found === undefined || found.value === ''
      ? driverNamed(drivers, name)
      : requireDriver(sources, found)
  if (driver !== undefined) return { name, driver }
  if (found !== undefined && found.value !== '') return undefined
  const entry = [...lookup.entries()].find(({ key }) =>
    own.some((scope) => key === scope || key.startsWith(`${scope}.`)),
  )
  lookup.mistakes.add({
    source: entry && placeText(entry),
    place: entry,
    subject: `service ${JSON.stringify(name)}`,
    problem: 'has no driver',
    remedy: `set ${SERVICES}.${name}.driver to one of ${driverNames(drivers)}`,
  })
  return undefined
}

/** The one that files and variables choose, or else the one that this call means. */
function primaryOf(
  lasting: readonly Found[],
  defaultService: string | undefined,
): string | undefined {
  return lasting[0] === undefined ? defaultService : nameIn(lasting[0])
}

/** The first that is named, by the program's keys or else by a module, or the only one. */
function chooseDefault(
  lookup: Lookup,
  named: readonly Found[],
  services: readonly string[],
): string | undefined {
  const [first] = named
  if (first !== undefined) return nameIn(first)
  const [only, second] = services
  if (second === undefined) return only
  lookup.mistakes.add({
    subject: programKeys.service.path,
    problem: `is not set while there are several services (${services.join(', ')})`,
    remedy: 'set it to the one that is meant when none is named, or give --service',
  })
  return undefined
}

function requireConfigured(lookup: Lookup, found: Found, services: readonly string[]): void {
  if (services.includes(nameIn(found))) return
  lookup.mistakes.add({
    source: found.source,
    place: found.place,
    subject: found.path,
    problem: `names ${JSON.stringify(found.written)}, which is no configured service`,
    remedy: nearestOf(nameIn(found), services),
  })
}

/** What says which service is meant when none is named. */
export function wantedService(lookup: Lookup): Found | undefined {
  return saidOf(lookup, { paths: [programKeys.cliService.path] }) ?? saidOf(lookup, serviceNames)
}

function saidOf(lookup: Lookup, names: KeyNames): Found | undefined {
  const found = lookup.find(names)
  return found === undefined || nameIn(found) === '' ? undefined : found
}

function requireDriver({ lookup, drivers }: ServiceSources, found: Found): DriverKeys | undefined {
  const driver = driverNamed(drivers, nameIn(found))
  const written = [found.written].flat().join(' ')
  if (driver === undefined)
    lookup.mistakes.add(unknownDriver({ ...found, subject: found.path }, written, drivers))
  return driver
}

function driverNames(drivers: readonly DriverKeys[]): string {
  return drivers.map(({ name }) => name).join(', ')
}

/** The service of `rexray.defaultService`, unless a file means something else. */
function impliedService({ lookup, drivers }: ServiceSources): readonly Found[] {
  const found = saidOf(lookup, namesOf(programKeys.defaultService))
  const driver = found && driverNamed(drivers, nameIn(found))
  refuseUnchosen({ lookup, drivers }, driver)
  return found === undefined ? [] : [found]
}

/** Whoever configures a driver means it: choosing another one would put empty volumes beside the real ones. */
function refuseUnchosen(
  { lookup, drivers }: Pick<ServiceSources, 'lookup' | 'drivers'>,
  implied: DriverKeys | undefined,
): void {
  const section = driverSection(lookup, drivers)
  const isImplied = section && implied && driverNamed(drivers, section.name) === implied
  if (isImplied) return
  const host = lookup.find({ paths: ['rexray.host', 'libstorage.host'] })
  const found = section ?? host ?? emptyChoice(lookup)
  if (found === undefined) return
  lookup.mistakes.add({
    source: found.source,
    place: found.place,
    subject: found.path,
    problem: 'is configured, but no service is chosen',
    remedy: `set ${programKeys.service.path} to ${section?.name ?? `one of ${driverNames(drivers)}`}`,
  })
}

type Said = Pick<Found, 'source' | 'place' | 'path'>

/** The first key in a file that chooses a service, though it comes to nothing. */
function emptyChoice(lookup: Lookup): Said | undefined {
  const entry = [...lookup.entries()].find(({ key }) =>
    /^(rexray\.)?(libstorage\.)?(service|server)(\.|$)/.test(key),
  )
  return entry && { source: placeText(entry), place: entry, path: entry.path }
}

/** The first key in a file that belongs to a driver. */
function driverSection(
  lookup: Lookup,
  drivers: readonly DriverKeys[],
): (Said & { readonly name: string }) | undefined {
  const sections = new Set([...rexrayDrivers, ...drivers.flatMap(sectionsOf)])
  for (const entry of lookup.entries()) {
    const [name = ''] = entry.key.replace(WIDE_SCOPES, '').split('.')
    if (sections.has(name))
      return { name, source: placeText(entry), place: entry, path: entry.path }
  }
  return undefined
}
