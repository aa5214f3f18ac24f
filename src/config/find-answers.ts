import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { resolveDirectories } from './directories.ts'
import { completeEnvironment, ENVIRONMENT_FILE } from './environment.ts'
import type { ConfigInput } from './load.ts'
import { readServing, type ServedConfiguration } from './serving-file.ts'
import { surroundingsMark } from './surroundings-mark.ts'

/** A server that may be asked in place of the platform. */
export interface AnsweringServer {
  /** The path of its socket. */
  readonly socket: string
  /** What shows it that the command may ask. */
  readonly digest: string
}

/**
 * Finds the server of this home, where it serves just what a command with these flags would find by itself. Looks at the
 * configuration's files, and understands nothing of them.
 */
export async function findAnswers(
  input: Pick<ConfigInput, 'env' | 'uid' | 'homeDirectory'>,
  flags: ServedConfiguration['flags'],
): Promise<AnsweringServer | undefined> {
  const env = completeEnvironment(input.env, ENVIRONMENT_FILE)
  const directories = resolveDirectories({ ...input, env })
  const serving = readServing(directories.run)
  if (serving === undefined) return undefined
  const { configFile, service } = flags
  const isMeant = (known: ServedConfiguration) =>
    known.flags.configFile === (configFile && resolve(configFile)) &&
    known.flags.service === service?.toLowerCase()
  const known = serving.configurations.find(isMeant)
  if (known === undefined) return undefined
  const { socket, key } = serving
  const reading = { ...input, directories }
  const mark = surroundingsMark(known, env, reading)
  if (mark !== undefined && mark === known.mark) return { socket, digest: known.digest }
  const surroundings = {
    variables: Object.fromEntries(known.variables.map((name) => [name, env[name]])),
    files: Object.fromEntries(known.files.map((file) => [file, textOf(file)])),
  }
  const { surroundingsDigest } = await import('./surroundings-digest.ts')
  const digest = surroundingsDigest(key, surroundings, reading)
  return digest === known.digest ? { socket, digest } : undefined
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
