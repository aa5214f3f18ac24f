import { createHmac } from 'node:crypto'
import type { Directories } from './config.ts'
import type { Environment } from './environment.ts'

/** What reading a configuration found around it: where that is the same, the configuration is. */
export interface Surroundings {
  /** Every variable that was asked for, with its value if it is set. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Every file that was looked for, with its text if it is there. */
  readonly files: Readonly<Record<string, string | undefined>>
}

/** For whom a configuration is read. */
export interface Reading {
  readonly directories: Directories
  readonly homeDirectory: string
  readonly uid: number
  /**
   * The variables of the process itself: those that steer the libraries of providers, which see no others, and those that
   * name files of values count besides those that were asked for.
   */
  readonly env: Environment
}

/**
 * The variables by which AWS's SDK and Node.js choose an account, a way to it, and whom they trust there, and those that say
 * in which file a value lies.
 */
const COUNTED =
  /^(?:AWS_(?!SDK_JS_)\w*|\w+_proxy|\w+_FILE|NODE_(?:EXTRA_CA_CERTS|OPTIONS|TLS_\w+))$/i

/** The environment, and the set to which each variable that is asked for is added. */
export function watchedEnvironment(env: Environment): {
  readonly env: Environment
  readonly asked: ReadonlySet<string>
} {
  const asked = new Set<string>()
  const watched = new Proxy(env, {
    get: (variables, name) => {
      if (typeof name === 'symbol') return undefined
      asked.add(name)
      return variables[name]
    },
  })
  return { env: watched, asked }
}

/** A word that is the same for the same surroundings, and tells nobody what they are who does not have the key. */
export function surroundingsDigest(
  key: string,
  { variables, files }: Surroundings,
  { directories, homeDirectory, uid, env }: Reading,
): string {
  const { etc, lib, log, run, plugins } = directories
  const counted = Object.entries(env).filter(([name]) => COUNTED.test(name))
  const all = [
    [etc, lib, log, run, plugins, homeDirectory, uid],
    sorted(Object.entries(variables)),
    sorted(counted),
    sorted(Object.entries(files)),
  ]
  return createHmac('sha256', key).update(JSON.stringify(all)).digest('hex')
}

/** What is not there is null in JSON, and an empty text is not. */
function sorted(entries: readonly (readonly [string, string | undefined])[]): unknown {
  return [...entries].sort(([one], [other]) => (one < other ? -1 : 1))
}
