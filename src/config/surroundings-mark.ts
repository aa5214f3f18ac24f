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

/**
 * A word that is the same while nobody has touched any of the files, no variable is set but those that say where things
 * lie, and these are the same. Nothing in it is secret, and to find it no file is read. Undefined where another variable is
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
  if (countedVariables(ownEnv).length > 0 || !set.every((name) => OF_PLACES.has(name)))
    return undefined
  try {
    const states = files.map((file) => stateOf(file, untouchedSince))
    const { etc, lib, log, run, plugins } = directories
    const places = [etc, lib, log, run, plugins, homeDirectory, uid]
    return JSON.stringify([places, set.map((name) => [name, env[name]]), states])
  } catch {
    return undefined
  }
}

/** What the kernel changes whenever anybody changes a file or puts another in its place; null where there is none. */
function stateOf(file: string, untouchedSince: number): readonly string[] | null {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  if (found === undefined) return null
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = found
  if (Number(ctimeMs) >= untouchedSince) throw new RangeError(`${file} was touched a moment ago`)
  return [dev, ino, size, mtimeNs, ctimeNs].map(String)
}
