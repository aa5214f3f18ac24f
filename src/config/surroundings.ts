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

/** The variables of a process that count whether or not they were asked for, with their values. */
export function countedVariables(
  env: Environment,
): readonly (readonly [string, string | undefined])[] {
  return Object.entries(env).filter(([name]) => COUNTED.test(name))
}
