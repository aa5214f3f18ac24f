import { withoutPassword } from '../libstorage/without-password.ts'
import type { Directories } from './config.ts'
import {
  type Environment,
  environmentName,
  expandVariables,
  flagIdentity,
  flagName,
  lacksVariables,
} from './environment.ts'
import { type Key, otherNames } from './keys.ts'
import { type Mistake, type Mistakes, type Place, placeText } from './mistakes.ts'
import { parseBoolean } from './values.ts'
import type { FileEntry } from './yaml-entries.ts'

/** A value that was found, and who says so. */
export interface Found {
  /** With its variables replaced. */
  readonly value: string | readonly string[]
  /** As it stands where it was found. */
  readonly written: string | readonly string[]
  /** Where it was found: `/etc/rexray/config.yml:3:5`, `environment REXRAY_PREEMPT`, `flag --logLevel`. */
  readonly source: string
  /** Where in a file, if it was a file. */
  readonly place?: Place
  /** The key under which it was found, as written there; a variable or flag has the key it stands for. */
  readonly path: string
}

/** How one key may be called. */
export interface KeyNames {
  /** Dotted; earlier ones go first. */
  readonly paths: readonly string[]
  /** Variables besides those that the paths give. */
  readonly variables?: readonly string[] | undefined
  /** Whether it is the same for everybody on this machine: a command works on what the server has. */
  readonly isMachines?: boolean | undefined
}

/** Who reads a configuration. REX-Ray's server and its command line had a scope each. */
export type Reader = 'server' | 'command'

/** What a lookup looks in. */
export interface LookupInput {
  /** By {@link flagIdentity}. */
  readonly flags: ReadonlyMap<string, string>
  readonly env: Environment
  /** Of all files; a later one of the same key overrides an earlier one. */
  readonly entries: readonly FileEntry[]
  readonly directories: Directories
  /** Gets the values that are not allowed. */
  readonly mistakes: Mistakes
  readonly reader: Reader
}

/** The scope of the whole program: `rexray.libstorage.service` is `libstorage.service`. */
const PROGRAM_SCOPE = 'rexray'
/** The scope of whatever uses volumes on this machine. */
export const CLIENT_SCOPE = 'libstorage.client'
/** The scopes of those who read. */
export const READER_SCOPES: Readonly<Record<Reader, string>> = {
  server: 'rexray.agent',
  command: 'rexray.cli',
}

/**
 * Finds values as REX-Ray does: what a file says in the given scopes, innermost first; then flag, variable that is not
 * empty, file (there the scopes of clients and of who reads go first), default. Keys have no case. Of a key with several names an earlier one that says something goes before a
 * later one, wherever both stand: `AWS_REGION`, which many machines have, does not override a file's `ebs.region`.
 */
export class Lookup {
  readonly #input: LookupInput
  readonly #entries = new Map<string, FileEntry>()
  readonly #expands: boolean

  constructor(input: LookupInput) {
    this.#input = input
    for (const entry of input.entries) {
      const shadowed = entry.value === undefined && this.#entries.has(entry.key)
      if (!shadowed) this.#entries.set(entry.key, entry)
    }
    const disabled = input.env['GOFIG_DISABLE_ENVVAR_SUBSTITUTION'] ?? ''
    this.#expands = parseBoolean(disabled) !== true
  }

  /** The entries of all files in force. */
  entries(): Iterable<FileEntry> {
    return this.#entries.values()
  }

  /** Whether a value has variables that are not set, and so count as empty. */
  isIncomplete({ value }: FileEntry): boolean {
    if (!this.#expands || value === undefined) return false
    const texts = typeof value === 'string' ? [value] : value
    return texts.some((text) => lacksVariables(text, this.#input.env))
  }

  /** The names of the sections beneath a key, in lower case and in their order. */
  sections(key: string): ReadonlySet<string> {
    const prefix = `${key.toLowerCase()}.`
    const beneath = [...this.#entries.keys()].filter((entry) => entry.startsWith(prefix))
    return new Set(beneath.map((entry) => entry.slice(prefix.length).split('.')[0] ?? ''))
  }

  /** What a file says within the scopes themselves. */
  findWithin(names: KeyNames, scopes: readonly string[]): Found | undefined {
    for (const scope of scopes) {
      for (const path of names.paths) {
        const found = this.#inFile(scope === '' ? path : `${scope}.${path}`)
        if (found !== undefined) return found
      }
    }
    return undefined
  }

  /** What is said within the scopes or for the whole program; undefined means that the default holds. */
  find(names: KeyNames, scopes: readonly string[] = []): Found | undefined {
    const within = this.findWithin(names, scopes)
    if (within !== undefined) return within
    const { variables = [], isMachines = false } = names
    const reader = READER_SCOPES[isMachines ? 'server' : this.#input.reader]
    const files = [CLIENT_SCOPE, reader, PROGRAM_SCOPE, '']
    const said = names.paths.flatMap((path, index) => {
      const further = index === 0 ? variables : []
      return this.#global(path, [environmentName(path), ...further], files) ?? []
    })
    return said.find(({ value }) => value !== '') ?? said[0]
  }

  /** The value of a key. What is said and is none is a mistake, and the default is read. */
  read<T>(key: Key<T>, scopes: readonly string[] = []): T {
    return this.parse(key, this.find(namesOf(key), scopes))
  }

  /** The value that was found for a key, or its default; what is empty is the default too. */
  parse<T>(key: Key<T>, found: Found | undefined): T {
    const said = found === undefined || found.value === '' ? undefined : this.tryParse(key, found)
    return said ?? key.schema.parse(this.defaultOf(key))
  }

  /** The value that was found for a key; undefined, and a mistake, where it is none. */
  tryParse<T>(key: Key<T>, found: Found): T | undefined {
    const parsed = key.schema.safeParse(found.value)
    if (parsed.success) return parsed.data
    const remedy = Array.isArray(found.value)
      ? 'use a single value'
      : parsed.error.issues[0]?.message
    this.mistakes.add(wrongValue(found, { remedy }))
    return undefined
  }

  get mistakes(): Mistakes {
    return this.#input.mistakes
  }

  /** The default of a key, as one would write it on this machine. */
  defaultOf(key: Key): string {
    const { lib, plugins } = this.#input.directories
    return key.default.replace('<lib>', lib).replace('<plugins>', plugins)
  }

  /** Each of these names that a flag or variable says something by, as one would write it. */
  saidOutsideFiles(path: string): readonly string[] {
    const variable = environmentName(path)
    return [
      ...(this.#input.flags.has(flagIdentity(path)) ? [`flag --${shortFlag(path)}`] : []),
      ...(this.#input.env[variable] ? [`environment ${variable}`] : []),
    ]
  }

  #global(path: string, variables: readonly string[], files: readonly string[]): Found | undefined {
    const flag = this.#input.flags.get(flagIdentity(path))
    if (flag !== undefined) {
      return { value: flag, written: flag, source: `flag --${shortFlag(path)}`, path }
    }
    for (const name of variables) {
      const value = this.#input.env[name]
      if (value) return { value, written: value, source: `environment ${name}`, path }
    }
    return this.findWithin({ paths: [path] }, files)
  }

  #inFile(path: string): Found | undefined {
    const entry = this.#entries.get(path.toLowerCase())
    if (entry?.value === undefined) return undefined
    return {
      value: this.#expanded(entry.value),
      written: entry.value,
      source: placeText(entry),
      place: entry,
      path: entry.path,
    }
  }

  #expanded(value: string | readonly string[]): string | readonly string[] {
    if (!this.#expands) return value
    const expand = (text: string) => expandVariables(text, this.#input.env)
    return typeof value === 'string' ? expand(value) : value.map(expand)
  }
}

/** The names of a declared key. */
export function namesOf(key: Key): KeyNames {
  return { paths: [key.path, ...otherNames(key)], variables: key.variables }
}

/** The mistake that a value is not allowed. A secret is not shown. */
export function wrongValue(
  found: Found,
  { remedy, secret = false }: { remedy?: string | undefined; secret?: boolean },
): Mistake {
  const shown = typeof found.written === 'string' ? found.written : found.written.join(' ')
  return {
    source: found.source,
    place: found.place,
    subject: found.path,
    problem: `is ${secret ? '***' : JSON.stringify(withoutPassword(shown))}`,
    remedy,
  }
}

const SHORT_FLAGS: Readonly<Record<string, string>> = {
  'rexray.host': 'host',
  'rexray.service': 'service',
  'rexray.loglevel': 'logLevel',
}

function shortFlag(path: string): string {
  return SHORT_FLAGS[path.toLowerCase()] ?? flagName(path)
}
