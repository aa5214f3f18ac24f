import { InvalidArgumentError } from '../libstorage/errors.ts'
import type { Directories } from './config.ts'
import {
  type Environment,
  environmentName,
  expandVariables,
  flagIdentity,
  flagName,
  lacksVariables,
} from './environment.ts'
import type { Key } from './keys.ts'
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
  /** The key under which it was found, as written there; a variable or flag has the key it stands for. */
  readonly path: string
}

/** How one key may be called. */
export interface KeyNames {
  /** Dotted; earlier ones go first. */
  readonly paths: readonly string[]
  /** Variables besides those that the paths give. */
  readonly variables?: readonly string[] | undefined
}

/** What a lookup looks in. */
export interface LookupInput {
  /** By {@link flagIdentity}. */
  readonly flags: ReadonlyMap<string, string>
  readonly env: Environment
  /** Of all files; a later one of the same key overrides an earlier one. */
  readonly entries: readonly FileEntry[]
  readonly directories: Directories
}

/** The scope of the whole program: `rexray.libstorage.service` is `libstorage.service`. */
const PROGRAM_SCOPE = 'rexray'

/**
 * Finds values as REX-Ray does: what a file says in the given scopes, innermost first; then flag, variable that is not
 * empty, file, default. Keys have no case.
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
    return (
      this.findWithin(names, scopes) ??
      this.#flag(names) ??
      this.#variable(names) ??
      this.findWithin(names, [PROGRAM_SCOPE, ''])
    )
  }

  /** The value of a key. Throws `InvalidArgumentError` where what is said is not one. */
  read<T>(key: Key<T>, scopes: readonly string[] = []): T {
    return this.parse(key, this.find(namesOf(key), scopes))
  }

  /** The value that was found for a key, or its default; what is empty is the default too. */
  parse<T>(key: Key<T>, found: Found | undefined): T {
    if (found === undefined || found.value === '') return key.schema.parse(this.#default(key))
    const parsed = key.schema.safeParse(found.value)
    if (parsed.success) return parsed.data
    const remedy = Array.isArray(found.value)
      ? 'use a single value'
      : parsed.error.issues[0]?.message
    throw wrongValue(found, { remedy })
  }

  #default(key: Key): string {
    const { lib, plugins } = this.#input.directories
    return key.default.replace('<lib>', lib).replace('<plugins>', plugins)
  }

  #flag({ paths }: KeyNames): Found | undefined {
    for (const path of paths) {
      const value = this.#input.flags.get(flagIdentity(path))
      if (value !== undefined) {
        return { value, written: value, source: `flag --${shortFlag(path)}`, path }
      }
    }
    return undefined
  }

  #variable({ paths, variables = [] }: KeyNames): Found | undefined {
    const [path = ''] = paths
    for (const name of [...paths.map(environmentName), ...variables]) {
      const value = this.#input.env[name]
      if (value) return { value, written: value, source: `environment ${name}`, path }
    }
    return undefined
  }

  #inFile(path: string): Found | undefined {
    const entry = this.#entries.get(path.toLowerCase())
    if (entry?.value === undefined) return undefined
    return {
      value: this.#expanded(entry.value),
      written: entry.value,
      source: placeOf(entry),
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
  return { paths: [key.path, ...(key.older ?? [])], variables: key.variables }
}

/** Where an entry stands: file, line and column. */
export function placeOf({ file, line, column }: FileEntry): string {
  return `${file}:${line}:${column}`
}

/** The error about a value that is not allowed. A secret is not shown. */
export function wrongValue(
  found: Found,
  { remedy, secret = false }: { remedy?: string | undefined; secret?: boolean },
): InvalidArgumentError {
  const shown = typeof found.written === 'string' ? found.written : found.written.join(' ')
  return new InvalidArgumentError({
    subject: `${found.source}: ${found.path}`,
    problem: `is ${secret ? '***' : JSON.stringify(shown)}`,
    remedy,
  })
}

const SHORT_FLAGS: Readonly<Record<string, string>> = {
  'rexray.host': 'host',
  'rexray.service': 'service',
  'rexray.loglevel': 'logLevel',
}

function shortFlag(path: string): string {
  return SHORT_FLAGS[path.toLowerCase()] ?? flagName(path)
}
