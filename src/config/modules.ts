import { InvalidArgumentError } from '../libstorage/errors.ts'
import type { ModuleConfig } from './config.ts'
import { moduleKeys as keys } from './keys.ts'
import { type Lookup, namesOf, placeOf } from './lookup.ts'

/** The section that has one section for each module. */
export const MODULES = 'rexray.modules'

/** The module that is there without being configured; versions of REX-Ray have called it either way. */
const DEFAULT_NAMES = ['default-docker', 'default-csi'] as const

/** Resolves the sockets that are served. Throws `InvalidArgumentError` about a wrong value, or two modules on one socket. */
export function resolveModules(lookup: Lookup, pluginsDirectory: string): readonly ModuleConfig[] {
  const configured = lookup.sections(MODULES)
  const names = DEFAULT_NAMES.some((name) => configured.has(name))
    ? [...configured]
    : [DEFAULT_NAMES[0], ...configured]
  const modules = new Map<string, ModuleConfig>()
  for (const name of names) {
    const module = resolveModule(lookup, { name, pluginsDirectory })
    if (module === undefined) continue
    const other = modules.get(module.host)
    if (other === undefined) modules.set(module.host, module)
    else refuseSharedHost(lookup, other, module)
  }
  return [...modules.values()]
}

function resolveModule(
  lookup: Lookup,
  { name, pluginsDirectory }: { name: string; pluginsDirectory: string },
): ModuleConfig | undefined {
  const within = [`${MODULES}.${name}`]
  const read = <K extends keyof typeof keys>(key: K) =>
    lookup.findWithin(namesOf(keys[key]), within)
  lookup.parse(keys.type, read('type'))
  if (lookup.parse(keys.disabled, read('disabled'))) return undefined
  const host = read('host')
  const configured =
    host === undefined || host.value === '' ? undefined : lookup.parse(keys.host, host)
  return {
    name,
    host: configured ?? automaticHost(name, pluginsDirectory),
    service: lookup.parse(keys.service, read('service')),
  }
}

/** Both names of the default module may stand in one file; anything else on one socket is a mistake. */
function refuseSharedHost(lookup: Lookup, first: ModuleConfig, second: ModuleConfig): void {
  const isDefault = ({ name }: ModuleConfig) => DEFAULT_NAMES.some((known) => known === name)
  if (isDefault(first) && isDefault(second) && first.service === second.service) return
  const entry = [...lookup.entries()].find(({ key }) => key.startsWith(`${MODULES}.${second.name}`))
  throw new InvalidArgumentError({
    subject: `${entry === undefined ? '' : `${placeOf(entry)}: `}module ${JSON.stringify(second.name)}`,
    problem: `has the same host as module ${JSON.stringify(first.name)} (${second.host})`,
    remedy: `set ${MODULES}.${second.name}.host to another one`,
  })
}

/** The socket of a module without a host, named like REX-Ray named it up to 0.9. */
function automaticHost(name: string, pluginsDirectory: string): string {
  const isDefault = DEFAULT_NAMES.some((known) => known === name)
  return `unix://${pluginsDirectory}/${isDefault ? 'rexray' : socketName(name)}.sock`
}

function socketName(module: string): string {
  return module
    .trim()
    .toLowerCase()
    .replace(/[\s&_=+:]/g, '-')
    .replace(/[^a-z0-9~.-]/g, '')
    .replace(/-+/g, '-')
}
