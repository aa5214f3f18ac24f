import { statSync } from 'node:fs'
import type { Environment } from './environment.ts'
import { countedVariables, type Reading } from './surroundings.ts'

/** The names of what reading a configuration found around it. */
export interface SurroundingNames {
  readonly variables: readonly string[]
  readonly files: readonly string[]
}

/** The variables that say where things lie. Every other may hold a secret. */
const OF_PLACES: ReadonlySet<string> = new Set(
  ['', '_ETC', '_LIB', '_LOG', '_RUN'].map((which) => `REXRAY_HOME${which}`),
)

/** The counted variables whose values are names and paths, and no secrets. */
const PLAIN = /^(?:\w+_FILE|NODE_\w+|AWS_(?:CA_BUNDLE|PROFILE|(?:DEFAULT_)?REGION))$/i

/**
 * A word that is the same while nobody has touched any of the files, no variable is set but those that hold names and
 * places, and these are the same. Nothing in it is secret, and to find it no file is read. Undefined where another variable is
 * set, a file cannot be looked at, or one was touched at or after `untouchedSince`, in milliseconds since 1970: a file
 * system may show two changes at one moment as one.
 */
export function surroundingsMark(
  { variables, files }: SurroundingNames,
  env: Environment,
  { directories, homeDirectory, uid, env: ownEnv }: Reading,
  untouchedSince = Number.POSITIVE_INFINITY,
): string | undefined {
  const set = variables.filter((name) => env[name] !== undefined)
  const counted = countedVariables(ownEnv)
  if (!set.every((name) => OF_PLACES.has(name)) || !counted.every(([name]) => PLAIN.test(name)))
    return undefined
  try {
    const states = files.map((file) => stateOf(file, untouchedSince))
    const { etc, lib, log, run, plugins } = directories
    const places = [etc, lib, log, run, plugins, homeDirectory, uid]
    const values = [...set.map((name) => [name, env[name]] as const), ...counted]
    return JSON.stringify([places, Object.fromEntries(values.toSorted(byName)), states])
  } catch {
    return undefined
  }
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1
}

/** What the kernel changes whenever anybody changes a file or puts another in its place; null where there is none. */
function stateOf(file: string, untouchedSince: number): readonly string[] | null {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  if (found === undefined) return null
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = found
  if (Number(ctimeMs) >= untouchedSince) throw new RangeError(`${file} was touched a moment ago`)
  return [dev, ino, size, mtimeNs, ctimeNs].map(String)
}
