import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { InvalidArgumentError, isStorageError, systemCode } from '../libstorage/errors.ts'
import { type FileEntry, parseEntries } from './yaml-entries.ts'

/** Which configuration files are read. */
export interface FilesInput {
  /** The one that the user named: it must exist, and no other is read then. */
  readonly configFile: string | undefined
  readonly etcDirectory: string
  readonly homeDirectory: string
}

/** The configuration files that were read, and what they say. */
export interface ConfigFiles {
  /** Later ones override earlier ones. */
  readonly files: readonly string[]
  readonly entries: readonly FileEntry[]
}

/**
 * Reads the file that the user named, or else those of REX-Ray's usual ones that exist: `rexray.yml` and `config.yml`
 * in the directory of the host, then in the user's `~/.rexray`. Rejects with `InvalidArgumentError` where one cannot be
 * read or is not YAML.
 */
export async function readConfigFiles(input: FilesInput): Promise<ConfigFiles> {
  const files: string[] = []
  const entries: FileEntry[] = []
  for (const file of candidates(input)) {
    const text = await readText(file)
    if (text !== undefined) {
      files.push(file)
      entries.push(...parseEntries(text, file))
    } else if (input.configFile !== undefined) {
      throw new InvalidArgumentError({
        subject: `config file ${file}`,
        problem: 'does not exist',
        remedy: 'give --config a file that does',
      })
    }
  }
  return { files, entries }
}

function candidates({ configFile, etcDirectory, homeDirectory }: FilesInput): readonly string[] {
  if (configFile !== undefined) return [resolve(configFile)]
  const directories = new Set([etcDirectory, join(homeDirectory, '.rexray')])
  return [...directories].flatMap((directory) => [
    join(directory, 'rexray.yml'),
    join(directory, 'config.yml'),
  ])
}

async function readText(file: string): Promise<string | undefined> {
  try {
    // Reading a pipe would wait for whoever writes into it.
    if ((await stat(file)).isFIFO()) throw unreadable(file, 'it is a pipe')
    return await readFile(file, 'utf8')
  } catch (error) {
    if (isStorageError(error)) throw error
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw unreadable(file, code ?? String(error), error)
  }
}

function unreadable(file: string, why: string, cause?: unknown): InvalidArgumentError {
  return new InvalidArgumentError({
    subject: `config file ${file}`,
    problem: `cannot be read (${why})`,
    remedy: 'make it a file that this user may read',
    cause,
  })
}
