import type { ModuleConfig } from './config.ts'
import { type DriverKeys, sectionsOf } from './driver-keys.ts'
import { operationKeys } from './keys.ts'
import type { KeyNames, Lookup } from './lookup.ts'
import { moduleScopes } from './modules.ts'
import {
  type OperationKey,
  type OperationScopes,
  operationNames,
  PLACE_KEYS,
} from './operations.ts'

/** The section that has one section for each service. */
export const SERVICES = 'libstorage.server.services'

/** The keys that a module's own calls may follow though other modules offer the same service. */
export const callKeys: readonly OperationKey[] = (
  Object.keys(operationKeys) as OperationKey[]
).filter((key) => !PLACE_KEYS.includes(key))

/** The scopes of one service by itself. */
export function serviceScopes(service: string): OperationScopes {
  const own = [`rexray.${SERVICES}.${service}`, `${SERVICES}.${service}`]
  return { own, all: [...own, 'rexray.libstorage.server', 'libstorage.server'], shared: [] }
}

/** The scopes of the calls that come through one module. */
export function callScopes(module: string, service: string): OperationScopes {
  const { own, all } = serviceScopes(service)
  const inner = moduleScopes(module)
  return { own: [...inner, ...own], all: [...inner, ...all], shared: [] }
}

/**
 * Where a driver's keys and the places of volumes may stand beneath the modules of a service too. They hold for all of it,
 * so that modules which do not say the same are among the lookup's mistakes.
 */
export function sharedScopes(
  lookup: Lookup,
  { name, driver }: { readonly name: string; readonly driver: DriverKeys },
  modules: readonly ModuleConfig[],
): readonly string[] {
  const [first, ...others] = modules
  if (first === undefined) return []
  for (const names of sharedKeys(driver))
    for (const other of others) requireSame(lookup, names, { service: name, first, other })
  return moduleScopes(first.name)
}

interface SharedService {
  readonly service: string
  readonly first: ModuleConfig
  readonly other: ModuleConfig
}

function requireSame(
  lookup: Lookup,
  names: KeyNames,
  { service, first, other }: SharedService,
): void {
  const [one, two] = [first, other].map(({ name }) =>
    lookup.find(names, callScopes(name, service).all),
  )
  if (JSON.stringify(one?.value) === JSON.stringify(two?.value)) return
  const within = lookup.findWithin(names, moduleScopes(other.name))
  const [odd, usual] = within === undefined ? [first, other] : [other, first]
  const found = within ?? one
  if (found === undefined) return
  lookup.mistakes.add({
    source: found.source,
    place: found.place,
    subject: found.path,
    problem: `differs from what module ${JSON.stringify(usual.name)} has, which offers the same service ${JSON.stringify(service)}`,
    remedy: `give module ${JSON.stringify(odd.name)} a service of its own beneath ${SERVICES}, or disable the other one`,
  })
}

function sharedKeys(driver: DriverKeys): readonly KeyNames[] {
  const sections = sectionsOf(driver)
  return [
    // `mount.rootPath` is looked for under the name of `linux.volume.rootPath` too.
    ...PLACE_KEYS.filter((key) => key !== 'volumeRootPath').map((key) => operationNames[key]),
    ...Object.keys(driver.settings.shape).map((name) => ({
      paths: sections.map((section) => `${section}.${name}`),
      isMachines: true,
    })),
  ]
}
