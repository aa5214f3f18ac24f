import { editDistance, nearest } from '../libstorage/nearest.ts'
import { type DriverKeys, keysOf, sectionsOf } from './driver-keys.ts'
import { withoutSecrets } from './excerpt.ts'
import { type Key, moduleKeys, operationKeys, otherNames, serviceKeys } from './keys.ts'
import { CLIENT_SCOPE, READER_SCOPES } from './lookup.ts'
import type { Mistake } from './mistakes.ts'
import { MODULES } from './modules.ts'
import { PLACE_KEYS } from './operations.ts'
import { matchesPattern, rexrayDrivers, rexrayKeys } from './rexray-keys.ts'
import { SERVICES } from './service-scopes.ts'
import type { FileEntry } from './yaml-entries.ts'

/** What is to be said of one key of a file. */
export interface Verdict {
  /** A clause about the key that is worth a warning. */
  readonly clause?: string
  /** Whether something else may have been meant than what is done. */
  readonly isDoubtful?: boolean
  /** What makes it impossible to serve. */
  readonly mistake?: Pick<Mistake, 'problem' | 'remedy'>
}

/** A part of the tree of keys: what it begins with, and which keys it has. */
interface Region {
  readonly prefix: string
  readonly keys: readonly string[]
}

const READERS = Object.values(READER_SCOPES)

/** Keys of today, in lower case, that have a better one beside them. */
const TODAYS = new Set([operationKeys.volumeRootPath.path.toLowerCase()])

const FINE: Verdict = {}

const NOT_FOR_COMMANDS =
  'has no effect, since commands work on what the server has, write it where that reads it'

/** Says of keys whether they are known where they stand. */
export class KeyJudge {
  readonly #root: readonly string[]
  /** The keys that are the same for everybody on a machine, in lower case. */
  readonly #machines: ReadonlySet<string>
  readonly #newNames: ReadonlyMap<string, string>
  readonly #silent: readonly string[]

  /** `newNames` has what is better written, by the older name in lower case. */
  constructor(
    root: readonly string[],
    newNames: ReadonlyMap<string, string>,
    drivers: readonly DriverKeys[],
  ) {
    const served = new Set(drivers.flatMap(sectionsOf))
    const absent = rexrayDrivers.filter((section) => !served.has(section))
    this.#root = root
    this.#machines = new Set(machineKeys(drivers).map((key) => key.toLowerCase()))
    this.#newNames = newNames
    this.#silent = [...rexrayKeys, ...absent.map((section) => `${section}.**`)]
  }

  judge(entry: FileEntry): Verdict {
    const region = this.#region(entry)
    const rest = entry.key.slice(region.prefix.length)
    if (region.prefix === `${READER_SCOPES.command}.` && this.#machines.has(rest))
      return { clause: NOT_FOR_COMMANDS, isDoubtful: true }
    if (has(region, rest)) return this.#known(entry, rest)
    if (entry.value === undefined && isSection(entry, rest, region)) return FINE
    const spellings = [entry.key, rest, entry.key.replace(/^rexray\./, '')]
    if (spellings.some((key) => this.#isSilent(key))) {
      return { clause: 'is a key of REX-Ray without effect here', isDoubtful: true }
    }
    return misplaced(entry, rest, region) ?? unknown(entry, rest, region)
  }

  #known({ key, value }: FileEntry, rest: string): Verdict {
    if (/^rexray\.modules\.[^.]+\.type$/.test(key) && String(value).toLowerCase() === 'admin') {
      return { clause: "is for REX-Ray's own administration, the module is left out" }
    }
    const newName = this.#newNames.get(key) ?? this.#newNames.get(rest)
    if (newName === undefined || value === undefined) return FINE
    // Up to 0.3 a driver was found without being named.
    const isDoubtful = !TODAYS.has(rest)
    return { clause: `is understood as ${newName}, write that`, isDoubtful }
  }

  /** The innermost region that a key belongs to. */
  #region({ key }: FileEntry): Region {
    const service = /^(?:rexray\.)?libstorage\.server\.services\.[^.]+(?:\.|$)/.exec(key)?.[0]
    if (service !== undefined) {
      const own = Object.values(serviceKeys).map(({ path }) => path)
      return { prefix: service, keys: [...own, ...this.#root] }
    }
    const module = /^rexray\.modules\.[^.]+(?:\.|$)/.exec(key)?.[0]
    if (module !== undefined) return this.#moduleRegion(key, module)
    const reader = READERS.find((scope) => `${key}.`.startsWith(`${scope}.`))
    if (reader !== undefined)
      return { prefix: key === reader ? key : `${reader}.`, keys: this.#root }
    const scopes = [
      'rexray.libstorage.server.',
      'libstorage.server.',
      `${CLIENT_SCOPE}.`,
      'rexray.',
    ]
    const prefix = scopes.find(
      (scope) => key.startsWith(scope) && this.#isRootKey(key.slice(scope.length)),
    )
    return { prefix: prefix ?? '', keys: this.#root }
  }

  #moduleRegion(key: string, module: string): Region {
    const keys = [...Object.values(moduleKeys).map(({ path }) => path), ...this.#root]
    const inner = `${module}rexray.`
    const isInner = key.startsWith(inner) && this.#isRootKey(key.slice(inner.length))
    return { prefix: isInner ? inner : module, keys }
  }

  #isRootKey(rest: string): boolean {
    return this.#root.some((key) => key.toLowerCase() === rest)
  }

  #isSilent(key: string): boolean {
    return this.#silent.some((pattern) => matchesPattern(key, pattern))
  }
}

function machineKeys(drivers: readonly DriverKeys[]): readonly string[] {
  const places = PLACE_KEYS.map((key): Key => operationKeys[key])
  return [...places.flatMap((key) => [key.path, ...otherNames(key)]), ...drivers.flatMap(keysOf)]
}

function has({ keys }: Region, rest: string): boolean {
  return keys.some((known) => known.toLowerCase() === rest)
}

/** Whether keys may stand beneath this one. */
function isSection({ key }: FileEntry, rest: string, { keys }: Region): boolean {
  if (rest === '' || `${MODULES}.`.startsWith(`${key}.`) || `${SERVICES}.`.startsWith(`${key}.`)) {
    return true
  }
  return keys.some((known) => known.toLowerCase().startsWith(`${rest}.`))
}

/** A value where a section belongs, and a section where a value does. */
function misplaced(entry: FileEntry, rest: string, region: Region): Verdict | undefined {
  if (entry.value !== undefined && isSection(entry, rest, region)) {
    return {
      mistake: {
        problem: `is ${JSON.stringify(withoutSecrets([entry.value].flat().join(' ')))} where a section belongs`,
        remedy: isKeyWithoutSpace(entry.value)
          ? 'write a space behind each colon'
          : 'write its keys beneath it, each in a line of its own',
      },
    }
  }
  const above = region.keys.find((known) => rest.startsWith(`${known.toLowerCase()}.`))
  if (above === undefined) return undefined
  const written = entry.path.slice(0, region.prefix.length) + above
  return {
    mistake: { problem: `stands beneath ${written}, which takes a value`, remedy: 'give it one' },
  }
}

/** `service:loop` is one word to YAML. */
function isKeyWithoutSpace(value: FileEntry['value']): boolean {
  return typeof value === 'string' && /^\w+:[^\s/]/.test(value)
}

/** Where nothing is written yet, a section may be meant. */
function unknown({ path, value }: FileEntry, rest: string, region: Region): Verdict {
  const { prefix, keys } = region
  const near = nearest(
    rest,
    value === undefined ? [...keys, ...sectionsBeside(rest, region)] : keys,
  )
  // A word of which no letter stays is no misspelling.
  if (near === undefined || editDistance(rest, near.toLowerCase()) >= rest.length)
    return { clause: 'is a key that nobody knows', isDoubtful: true }
  const written = path.slice(0, prefix.length)
  return {
    clause: `is a key that nobody knows, did you mean ${written}${near}`,
    isDoubtful: true,
  }
}

/** All sections that are as deep as a key is. */
function sectionsBeside(key: string, { prefix, keys }: Region): ReadonlySet<string> {
  const depth = key.split('.').length
  const paths = prefix === '' ? [...keys, `${MODULES}.m`, `${SERVICES}.s`] : keys
  const levels = paths.map((path) => path.split('.'))
  const deeper = levels.filter(({ length }) => length > depth)
  return new Set(deeper.map((path) => path.slice(0, depth).join('.')))
}
