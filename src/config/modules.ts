import { existsSync, realpathSync } from 'node:fs'
import path from 'node:path'
import type { ModuleConfig } from './config.ts'
import { moduleKeys as keys, STORAGE_DRIVERS } from './keys.ts'
import { type Found, type Lookup, namesOf } from './lookup.ts'
import { placeText } from './mistakes.ts'

/** The section that has one section for each module. */
export const MODULES = 'rexray.modules'

/** The module that is there without being configured; versions of REX-Ray have called it either way. */
const DEFAULT_NAMES = ['default-docker', 'default-csi'] as const

/** The module of versions up to 0.3 that served their own administration; nothing of it is served here. */
const ADMIN_NAME = 'default-admin'

/** Where Docker looks for files that name sockets elsewhere; https://docs.docker.com/engine/extend/plugin_api/ */
const DOCKER_SPECS = '/etc/docker/plugins'

/** Where the keys of a module stand, which go before those of its service. */
export function moduleScopes(module: string): readonly string[] {
  return [`${MODULES}.${module}`, `${MODULES}.${module}.rexray`]
}

/** The service that a module names itself, by today's key or by that of versions up to 0.3. */
export function serviceOfModule(lookup: Lookup, module: string): Found | undefined {
  const names = { paths: [keys.service.path, STORAGE_DRIVERS] }
  const found = lookup.findWithin(names, moduleScopes(module).slice(0, 1))
  return found === undefined || found.value === '' ? undefined : found
}

/** The first word of a value, in lower case: of a list of services or drivers the first is meant. */
export function nameIn({ value }: Found): string {
  const text = typeof value === 'string' ? value : (value[0] ?? '')
  return text.trim().split(/\s+/)[0]?.toLowerCase() ?? ''
}

/** Resolves the sockets that are served. A wrong value, and two modules on one socket, are among the lookup's mistakes. */
export function resolveModules(lookup: Lookup, pluginsDirectory: string): readonly ModuleConfig[] {
  const configured = lookup.sections(MODULES)
  const names = DEFAULT_NAMES.some((name) => configured.has(name))
    ? [...configured]
    : [DEFAULT_NAMES[0], ...configured]
  const modules = new Map<string, ModuleConfig>()
  for (const name of names) {
    const module = resolveModule(lookup, { name, pluginsDirectory })
    if (module === undefined) continue
    const socket = canonical(module.host)
    const other = modules.get(socket)
    if (other === undefined) modules.set(socket, module)
    else refuseSharedHost(lookup, other, module)
  }
  return [...modules.values()]
}

function resolveModule(
  lookup: Lookup,
  { name, pluginsDirectory }: { name: string; pluginsDirectory: string },
): ModuleConfig | undefined {
  const within = [`${MODULES}.${name}`]
  const read = <K extends keyof typeof keys>(key: K) => {
    const found = lookup.findWithin(namesOf(keys[key]), within)
    return found?.value === '' ? undefined : found
  }
  if (name === ADMIN_NAME || lookup.parse(keys.type, read('type')) === 'admin') return undefined
  if (lookup.parse(keys.disabled, read('disabled'))) return undefined
  const host = read('host')
  const spec = read('spec')
  const service = serviceOfModule(lookup, name)
  const listens =
    (host && lookup.tryParse(keys.host, host)) ?? automaticHost(name, pluginsDirectory)
  return {
    name,
    host: listens,
    service: service && nameIn(service),
    spec: (spec && lookup.tryParse(keys.spec, spec)) ?? automaticSpec(name, listens),
  }
}

/** The same for each name of one socket: /var/run is /run. */
function canonical(host: string): string {
  const [, folder, file] = /^unix:\/\/(.*)\/(.*)$/.exec(host) ?? []
  if (folder === undefined || !existsSync(folder)) return host
  return `unix://${path.join(realpathSync(folder), file ?? '')}`
}

/** Both names of the default module may stand in one file; anything else on one socket is a mistake. */
function refuseSharedHost(lookup: Lookup, first: ModuleConfig, second: ModuleConfig): void {
  if (isDefault(first.name) && isDefault(second.name) && first.service === second.service) return
  const own = [...lookup.entries()].filter(({ key }) =>
    key.startsWith(`${MODULES}.${second.name}.`),
  )
  const place = own.find(({ key }) => key.endsWith('.host')) ?? own[0]
  lookup.mistakes.add({
    source: place && placeText(place),
    place,
    subject: `module ${JSON.stringify(second.name)}`,
    problem: `has the same host as module ${JSON.stringify(first.name)} (${second.host})`,
    remedy: `set ${MODULES}.${second.name}.host to another one`,
  })
}

function isDefault(module: string): boolean {
  return DEFAULT_NAMES.some((known) => known === module)
}

/** The socket of a module without a host, named like REX-Ray named it up to 0.9. */
function automaticHost(name: string, pluginsDirectory: string): string {
  return `unix://${pluginsDirectory}/${socketName(name)}.sock`
}

/** Named like the socket; one that has no file is named like its module. */
function automaticSpec(name: string, host: string): string {
  const socket = host.startsWith('unix:') ? path.basename(host, '.sock') : socketName(name)
  return `${DOCKER_SPECS}/${socket}.spec`
}

function socketName(module: string): string {
  if (isDefault(module)) return 'rexray'
  return module
    .trim()
    .toLowerCase()
    .replace(/[\s&_=+:]/g, '-')
    .replace(/[^a-z0-9~.-]/g, '')
    .replace(/-+/g, '-')
}
