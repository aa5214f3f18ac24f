import { mkdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { FailedPreconditionError, PermissionDeniedError, systemCode } from './errors.ts'

/**
 * Makes a folder and those above it, unless they are there. Rejects the path with a `StorageError` that names it where
 * something else is in the way. (Node's own recursive mkdir never returns where a file system says ENOENT, as /proc does.)
 */
export function makeFolder(folder: string, mode = 0o755): void {
  try {
    makeStep(path.resolve(folder), mode)
  } catch (error) {
    throw folderError(folder, error)
  }
}

function makeStep(folder: string, mode: number): void {
  if (isFolder(folder)) return
  makeStep(path.dirname(folder), mode)
  try {
    mkdirSync(folder, { mode })
  } catch (error) {
    // Another process may have been quicker; what is there and is no folder is in the way.
    if (systemCode(error) !== 'EEXIST' || !isFolder(folder)) throw error
  }
}

function isFolder(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true
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
