import { nearest } from '../libstorage/nearest.ts'
import { type DriverKeys, keysOf, sectionsOf } from './driver-keys.ts'
import { type Key, moduleKeys, operationKeys, programKeys, serviceKeys } from './keys.ts'
import type { Lookup } from './lookup.ts'
import { MODULES } from './modules.ts'
import { matchesPattern, rexrayDrivers, rexrayKeys } from './rexray-keys.ts'
import { SERVICES } from './services.ts'
import type { FileEntry } from './yaml-entries.ts'

/** The keys of the program and its drivers that stand at the root, dotted. */
export function rootKeys(drivers: readonly DriverKeys[]): readonly string[] {
  const declared: readonly Key[] = [...Object.values(programKeys), ...Object.values(operationKeys)]
  const paths = declared.flatMap(({ path, older = [] }) => [path, ...older])
  return [...paths, ...drivers.flatMap(keysOf)]
}

/** One sentence for each key of the files that has no effect, or not the one that was meant. */
export function warningsAbout(lookup: Lookup, drivers: readonly DriverKeys[]): readonly string[] {
  const judge = new KeyJudge(drivers)
  const warnings = [...lookup.entries()].flatMap((entry) => {
    const place = `${entry.file}:${entry.line}: ${entry.path}`
    const incomplete = lookup.isIncomplete(entry)
      ? [`${place} has a variable that is not set, which counts as empty`]
      : []
    return [...judge.judge(entry).map((verdict) => `${place} ${verdict}`), ...incomplete]
  })
  return [...new Set(warnings)]
}

/** A part of the tree of keys: what it begins with, and which keys it has. */
interface Region {
  readonly prefix: string
  readonly keys: readonly string[]
}

class KeyJudge {
  readonly #root: readonly string[]
  readonly #silent: readonly string[]

  constructor(drivers: readonly DriverKeys[]) {
    const served = new Set(drivers.flatMap(sectionsOf))
    const absent = rexrayDrivers.filter((section) => !served.has(section))
    this.#root = rootKeys(drivers)
    this.#silent = [...rexrayKeys, ...absent.map((section) => `${section}.**`)]
  }

  /** What is to be said of a key: nothing or one clause. */
  judge(entry: FileEntry): readonly string[] {
    const region = this.#region(entry)
    const rest = entry.key.slice(region.prefix.length)
    const known = region.keys.some((key) => key.toLowerCase() === rest)
    if (known || isEmptySection(entry, rest, region)) return []
    const spellings = [entry.key, rest, entry.key.replace(/^rexray\./, '')]
    if (spellings.some((key) => this.#isSilent(key))) {
      return ['is a key of REX-Ray without effect here']
    }
    if (
      entry.key.startsWith(`${MODULES}.`) &&
      this.#root.some((key) => key.toLowerCase() === rest)
    ) {
      return [`has no effect in a module, set it beneath ${SERVICES}.<service>`]
    }
    const near = nearest(rest, region.keys)
    if (near === undefined) return ['is a key that nobody knows']
    const written = entry.path.slice(0, region.prefix.length)
    return [`is a key that nobody knows, did you mean ${written}${near}`]
  }

  /** The innermost region that a key belongs to. */
  #region({ key }: FileEntry): Region {
    const service = /^(?:rexray\.)?libstorage\.server\.services\.[^.]+(?:\.|$)/.exec(key)?.[0]
    if (service !== undefined) {
      const own = Object.values(serviceKeys).map(({ path }) => path)
      return { prefix: service, keys: [...own, ...this.#root] }
    }
    const module = /^rexray\.modules\.[^.]+(?:\.|$)/.exec(key)?.[0]
    if (module !== undefined) {
      return { prefix: module, keys: Object.values(moduleKeys).map(({ path }) => path) }
    }
    const scopes = ['rexray.libstorage.server.', 'libstorage.server.', 'rexray.']
    const prefix = scopes.find(
      (scope) => key.startsWith(scope) && this.#has(key.slice(scope.length)),
    )
    return { prefix: prefix ?? '', keys: this.#root }
  }

  #has(rest: string): boolean {
    return this.#root.some((key) => key.toLowerCase() === rest)
  }

  #isSilent(key: string): boolean {
    return this.#silent.some((pattern) => matchesPattern(key, pattern))
  }
}

/** A section with nothing in it says nothing. */
function isEmptySection({ value, key }: FileEntry, rest: string, { keys }: Region): boolean {
  if (value !== undefined) return false
  if (rest === '' || `${MODULES}.`.startsWith(`${key}.`) || `${SERVICES}.`.startsWith(`${key}.`)) {
    return true
  }
  return keys.some((known) => known.toLowerCase().startsWith(`${rest}.`))
}
