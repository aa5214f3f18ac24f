import { AlreadyExistsError, volumeNamed } from '../../libstorage/errors.ts'
import type { WebSession } from './client.ts'
import { readDescription } from './facts.ts'
import { Code, hasCode, isFault } from './fault.ts'
import { fileIn, fileNameOf, isSameFile } from './host-path.ts'

/** A volume that is to be. */
interface Wanted {
  readonly name: string
  readonly folder: string
  /** The file that it shall have. */
  readonly location: string
}

/**
 * Refuses a name whose file may be there already, as ours or as REX-Ray's, though no volume shows it: the disk may be one that
 * a machine starts from, or one whose entry VirtualBox has lost.
 */
export async function requireNoNamesakeFile(
  session: WebSession,
  { name, folder, location }: Wanted,
  signal: AbortSignal | undefined,
): Promise<void> {
  const files = ['', '.vdi', '.vmdk'].map((ending) => fileIn(folder, fileNameOf(name) + ending))
  // REX-Ray took names as they are.
  const all = /[\\/]/.test(name) ? files : [fileIn(folder, name), ...files]
  const others = await othersOf(session, name, all, signal)
  // The one that is made is looked for by VirtualBox itself, which makes nothing in its place.
  const known = [...others, location]
  for (const file of files)
    if (!known.some((one) => isSameFile(one, file)) && (await isThere(session, file)))
      throw existsAsFile(name, file)
}

/** Resolves with those of the files that are volumes of other names. */
async function othersOf(
  session: WebSession,
  name: string,
  files: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const others: string[] = []
  const disks = await session.call('IVirtualBox_getHardDisks', { _this: session.root }, signal)
  for (const _this of disks) {
    const location = await locationOf(session, _this, signal)
    if (location === undefined || !files.some((file) => isSameFile(file, location))) continue
    const { facts } = await readDescription(session, _this, signal)
    if (facts?.name === undefined || facts.name === name)
      throw (facts?.unfinished === undefined ? isDisk : isCopied)(name, location)
    others.push(location)
  }
  return others
}

/** Undefined for a disk that is gone meanwhile. */
async function locationOf(
  session: WebSession,
  _this: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    return await session.call('IMedium_getLocation', { _this }, signal)
  } catch (error) {
    if (hasCode(error, Code.objectNotFound, Code.accessDenied)) return undefined
    throw error
  }
}

/** Whether a file is there that no disk of the registry is; it stays so. */
async function isThere(session: WebSession, location: string): Promise<boolean> {
  const asked = { location, deviceType: 'HardDisk', accessMode: 'ReadOnly', forceNewUuid: false }
  try {
    const _this = await session.call('IVirtualBox_openMedium', { _this: session.root, ...asked })
    // With a mark it was made known by whoever made it.
    const { facts } = await readDescription(session, _this)
    if (facts === undefined) await session.call('IMedium_close', { _this })
    return true
  } catch (error) {
    if (!isFault(error, 'runtime')) throw error
    const isAbsent =
      error.code === Code.objectNotFound || /VERR_(?:FILE|PATH)_NOT_FOUND/.test(error.text)
    return !isAbsent
  }
}

/** The refusal of a name that a volume has. */
export function exists(name: string, id: string): AlreadyExistsError {
  return new AlreadyExistsError({
    subject: volumeNamed(name),
    problem: `exists already as ${id}`,
    remedy: 'use it, or choose another name',
  })
}

/** The refusal of a file that no disk of the registry is: one that is being made looks like one that is finished. */
export function existsAsFile(name: string, file: string, cause?: unknown): AlreadyExistsError {
  return new AlreadyExistsError({
    subject: volumeNamed(name),
    problem: `exists already as the file ${file}, which is no disk that VirtualBox knows, or is just being made`,
    remedy:
      'wait until it is known; if nothing writes it any more, add it to the media of the host, or delete it',
    cause,
  })
}

function isCopied(name: string, location: string): AlreadyExistsError {
  return new AlreadyExistsError({
    subject: volumeNamed(name),
    problem: `exists already as ${location}, which is being copied at this moment`,
    remedy: 'wait until that is done, and try again',
  })
}

function isDisk(name: string, location: string): AlreadyExistsError {
  return new AlreadyExistsError({
    subject: volumeNamed(name),
    problem: `cannot be made: ${location} is a disk of the host, though none that is shown as this volume`,
    remedy: 'detach that disk from the machine that starts from it, or choose another name',
  })
}
