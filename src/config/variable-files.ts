import { readFile, stat } from 'node:fs/promises'
import { systemCode } from '../libstorage/errors.ts'
import { type DriverKeys, keysOf } from './driver-keys.ts'
import { type Environment, environmentName } from './environment.ts'
import type { Mistakes } from './mistakes.ts'

const SUFFIX = '_FILE'

/**
 * The variables with those whose values lie in files, as orchestrators hand secrets out: `EBS_SECRETKEY_FILE` names the file
 * that holds `EBS_SECRETKEY`; every key of a driver has such a variable. A file that cannot be read or is empty, and one for
 * a variable that is set itself, is a mistake.
 */
export async function withVariableFiles(
  env: Environment,
  drivers: readonly DriverKeys[],
  mistakes: Mistakes,
): Promise<Environment> {
  const values: Record<string, string> = {}
  for (const name of new Set(drivers.flatMap(keysOf).map(environmentName))) {
    const file = env[name + SUFFIX]
    if (!file) continue
    const source = `environment ${name}${SUFFIX}`
    const wrong = (problem: string, remedy: string, cause?: unknown) =>
      mistakes.add({ source, subject: file, problem, remedy, cause })
    if (env[name]) {
      wrong(`is named though ${name} is set`, 'set one of the two')
      continue
    }
    try {
      const value = await readValue(file)
      if (value === '') wrong('is empty', `let it hold what ${name} would`)
      else values[name] = value
    } catch (error) {
      const code = systemCode(error)
      if (code === undefined) throw error
      wrong(`cannot be read (${code})`, 'make it a file that this user may read', error)
    }
  }
  return { ...env, ...values }
}

/** The text of a file without the line ends behind it. */
async function readValue(file: string): Promise<string> {
  // Reading a pipe would wait for whoever writes into it.
  if ((await stat(file)).isFIFO()) return ''
  return (await readFile(file, 'utf8')).replace(/[\r\n]+$/, '')
}
