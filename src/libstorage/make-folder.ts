import { mkdirSync, statSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { FailedPreconditionError, PermissionDeniedError, systemCode } from './errors.ts'

/**
 * Makes a folder and those above it, unless they are there. Rejects the path with a `StorageError` that names it where
 * something else is in the way. (Node's own recursive mkdir never returns where a file system says ENOENT, as /proc does.)
 */
export async function makeFolder(folder: string, mode = 0o755): Promise<void> {
  try {
    await makeStep(path.resolve(folder), mode)
  } catch (error) {
    throw folderError(folder, error)
  }
}

/** The same, at once: for what begins with a folder of its own, where nothing else goes on yet that a disk could hold up. */
export function makeFolderNow(folder: string, mode = 0o755): void {
  try {
    makeStepNow(path.resolve(folder), mode)
  } catch (error) {
    throw folderError(folder, error)
  }
}

async function makeStep(folder: string, mode: number): Promise<void> {
  if (await isFolder(folder)) return
  await makeStep(path.dirname(folder), mode)
  try {
    await mkdir(folder, { mode })
  } catch (error) {
    // Another process may have been quicker; what is there and is no folder is in the way.
    if (systemCode(error) !== 'EEXIST' || !(await isFolder(folder))) throw error
  }
}

function makeStepNow(folder: string, mode: number): void {
  if (isFolderNow(folder)) return
  makeStepNow(path.dirname(folder), mode)
  try {
    mkdirSync(folder, { mode })
  } catch (error) {
    if (systemCode(error) !== 'EEXIST' || !isFolderNow(folder)) throw error
  }
}

async function isFolder(folder: string): Promise<boolean> {
  try {
    return (await stat(folder)).isDirectory()
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}

function isFolderNow(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
}

/** As Node's own look without an exception counts it. */
function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')
}

function folderError(folder: string, cause: unknown): unknown {
  const code = systemCode(cause) ?? ''
  const facts = { subject: `folder ${folder}`, problem: `cannot be made (${code})`, cause }
  if (['ENOENT', 'ENOTDIR', 'EEXIST', 'ELOOP', 'ENAMETOOLONG'].includes(code)) {
    const remedy = 'see whether a file or a link that leads nowhere is in the way, or set another'
    return new FailedPreconditionError({ ...facts, remedy })
  }
  if (!['EACCES', 'EPERM', 'EROFS'].includes(code)) return cause
  return new PermissionDeniedError({ ...facts, remedy: 'make it writable, or set another' })
}
