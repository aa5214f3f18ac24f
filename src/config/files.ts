import { readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { systemCode } from '../libstorage/errors.ts'
import type { Mistakes } from './mistakes.ts'
import { type FileEntry, parseEntries } from './yaml-entries.ts'

const REMEDY = 'make it a file that this user may read'

/** Which configuration files are read. */
export interface FilesInput {
  /** The one that the user named: it must exist, and no other is read then. */
  readonly configFile: string | undefined
  readonly etcDirectory: string
  readonly homeDirectory: string
}

/** A configuration file that was read. */
export interface ConfigFile {
  readonly path: string
  readonly text: string
  /** Whether every user of this machine may read it. */
  readonly isOpen: boolean
}

/** The configuration files that were read, and what they say. */
export interface ConfigFiles {
  /** Later ones override earlier ones. */
  readonly files: readonly ConfigFile[]
  readonly entries: readonly FileEntry[]
  /** Whether all of them could be read and understood. */
  readonly understood: boolean
  /** Every path that was looked at, with the text that was there. */
  readonly looked: ReadonlyMap<string, string | undefined>
}

/**
 * Reads the file that the user named, or else those of REX-Ray's usual ones that exist: `rexray.yml` and `config.yml`
 * in the directory of the host, then in the user's `~/.rexray`; where none of these is there, those of its variants
 * (`rexray-agent.yml`). One that cannot be read or is not YAML is a mistake.
 */
export async function readConfigFiles(input: FilesInput, mistakes: Mistakes): Promise<ConfigFiles> {
  const usual = await readAll(candidates(input), input, mistakes)
  if (usual.files.length > 0 || !usual.understood) return usual
  const others = await readAll(variants(input), input, mistakes)
  return { ...others, looked: new Map([...usual.looked, ...others.looked]) }
}

async function readAll(
  paths: readonly string[],
  input: FilesInput,
  mistakes: Mistakes,
): Promise<ConfigFiles> {
  const files: ConfigFile[] = []
  const entries: FileEntry[] = []
  const looked = new Map<string, string | undefined>()
  let understood = true
  for (const path of paths) {
    const read = await readCandidate(path, input.configFile !== undefined, mistakes)
    looked.set(path, typeof read === 'string' ? undefined : read.text)
    if (read === 'absent') continue
    if (read !== 'unreadable') files.push(read)
    const said = read === 'unreadable' ? undefined : parseEntries(read.text, path, mistakes)
    if (said === undefined) understood = false
    else entries.push(...said)
  }
  return { files, entries, understood, looked }
}

function candidates(input: FilesInput): readonly string[] {
  if (input.configFile !== undefined) return [resolve(input.configFile)]
  return directories(input).flatMap((directory) => [
    join(directory, 'rexray.yml'),
    join(directory, 'config.yml'),
  ])
}

/** A host that had one of REX-Ray's smaller programs may have no other file: an empty volume must not take a full one's name. */
function variants(input: FilesInput): readonly string[] {
  if (input.configFile !== undefined) return []
  return directories(input).flatMap((directory) =>
    ['client', 'controller', 'agent'].map((part) => join(directory, `rexray-${part}.yml`)),
  )
}

function directories({ etcDirectory, homeDirectory }: FilesInput): readonly string[] {
  // With REXRAY_HOME=/x, versions up to 0.3 had /x/etc/rexray, later ones /x/etc.
  const older = basename(etcDirectory) === 'etc' ? [join(etcDirectory, 'rexray')] : []
  return [...new Set([...older, etcDirectory, join(homeDirectory, '.rexray')])]
}

async function readCandidate(
  path: string,
  isNamed: boolean,
  mistakes: Mistakes,
): Promise<ConfigFile | 'absent' | 'unreadable'> {
  const unreadable = (problem: string, remedy: string, cause?: unknown) => {
    mistakes.add({ subject: `config file ${path}`, problem, remedy, cause })
    return 'unreadable' as const
  }
  try {
    const found = await stat(path)
    // Reading a pipe would wait for whoever writes into it.
    if (found.isFIFO()) return unreadable('cannot be read (it is a pipe)', REMEDY)
    return { path, text: await readFile(path, 'utf8'), isOpen: (found.mode & 0o004) !== 0 }
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'ENOENT' && code !== 'ENOTDIR')
      return unreadable(`cannot be read (${code ?? String(error)})`, REMEDY, error)
    return isNamed
      ? unreadable('does not exist', 'give --config a file that does', error)
      : 'absent'
  }
}
