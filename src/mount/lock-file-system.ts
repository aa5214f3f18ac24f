import fs from 'node:fs'
import path from 'node:path'
import { leftoverName } from '../libstorage/leftover.ts'

/** The file inside a lock's directory that says who holds it. */
export const OWNER_FILE = 'owner.json'

type Callback = (error: NodeJS.ErrnoException | null) => void

/**
 * The file system as the locking library sees it, with one difference: a lock's directory appears together with its
 * owner. It is prepared under another name and renamed into place, which fails while the directory there is not empty.
 */
export function lockFileSystem(owner: string): typeof fs {
  const mkdir = (lock: string, callback: Callback) => {
    const prepared = besides(lock)
    fs.mkdirSync(prepared)
    fs.writeFileSync(path.join(prepared, OWNER_FILE), owner)
    fs.rename(prepared, lock, (error) => {
      if (error === null) return callback(null)
      fs.rmSync(prepared, { recursive: true, force: true })
      const taken = error.code === 'ENOTEMPTY' || error.code === 'EEXIST'
      callback(taken ? Object.assign(error, { code: 'EEXIST' }) : error)
    })
  }
  const rmdir = (lock: string, callback: Callback) => {
    try {
      removeLock(lock)
      callback(null)
    } catch (error) {
      callback(error as NodeJS.ErrnoException)
    }
  }
  return { ...fs, mkdir, rmdir, rmdirSync: removeLock } as unknown as typeof fs
}

/** Removes a lock in one step: a lock that is emptied bit by bit could be another's before it is gone. */
export function removeLock(lock: string): void {
  const trash = besides(lock)
  fs.renameSync(lock, trash)
  fs.rmSync(trash, { recursive: true, force: true })
}

function besides(lock: string): string {
  return path.join(path.dirname(lock), leftoverName('lock'))
}
