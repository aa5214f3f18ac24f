import fs from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { systemCode } from '../libstorage/errors.ts'
import { leftoverName } from '../libstorage/leftover.ts'
import type { ProcessIdentity } from '../libstorage/process-identity.ts'

/** The file inside a lock's directory that says who holds it. */
export const OWNER_FILE = 'owner.json'

type Callback = (error: unknown) => void

/**
 * The file system as the locking library sees it, with one difference: a lock's directory appears together with its
 * owner. It is prepared under another name and renamed into place, which fails while the directory there is not empty.
 * Where the library would remove it, `giveBack` is called.
 */
export function lockFileSystem(
  owner: string,
  self: ProcessIdentity,
  giveBack: (lock: string) => void,
): typeof fs {
  const take = async (lock: string) => {
    const prepared = besides(lock, self)
    await mkdir(prepared)
    try {
      await writeFile(path.join(prepared, OWNER_FILE), owner)
      await rename(prepared, lock)
    } catch (error) {
      await rm(prepared, { recursive: true, force: true })
      const isTaken = systemCode(error) === 'ENOTEMPTY'
      throw isTaken ? Object.assign(new Error(`${lock} is taken`), { code: 'EEXIST' }) : error
    }
  }
  const giveBackNow = async (lock: string) => giveBack(lock)
  const calledBack =
    (work: (lock: string) => Promise<void>) => (lock: string, callback: Callback) =>
      void work(lock).then(() => callback(null), callback)
  const changed = { mkdir: calledBack(take), rmdir: calledBack(giveBackNow), rmdirSync: giveBack }
  return { ...fs, ...changed } as unknown as typeof fs
}

/** Whether a lock is there, and is the one that this owner's text was written into. */
export function isOwnedBy(lock: string, owner: string): boolean {
  try {
    return fs.readFileSync(path.join(lock, OWNER_FILE), 'utf8') === owner
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return false
    throw error
  }
}

/** Removes a lock in one step: a lock that is emptied bit by bit could be another's before it is gone. */
export function removeLock(lock: string, self: ProcessIdentity): void {
  const trash = besides(lock, self)
  fs.renameSync(lock, trash)
  try {
    fs.rmSync(trash, { recursive: true, force: true })
  } catch {
    // It is nobody's lock any more, and is swept when this process is no more.
  }
}

function besides(lock: string, owner: ProcessIdentity): string {
  return path.join(path.dirname(lock), leftoverName('lock', owner))
}
