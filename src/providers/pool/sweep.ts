import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isStorageError, systemCode } from '../../libstorage/errors.ts'
import { isProvablyDead, readBootId } from '../../libstorage/process-identity.ts'
import { ownerOf } from './leftover.ts'

/** How old a leftover must be where its owner may live under another kernel; nothing we do takes nearly so long. */
const ABANDONED_AFTER_MS = 86_400_000

/** Deletes what dead processes left in a folder, by its listing. What cannot be deleted stays for the next time. */
export async function sweep(
  folder: string,
  entries: readonly string[],
  isShared: () => Promise<boolean>,
): Promise<void> {
  for (const entry of entries) {
    try {
      if (await isAbandoned(folder, entry, isShared)) await rm(join(folder, entry), RECURSIVELY)
    } catch (error) {
      if (systemCode(error) === undefined && !isStorageError(error)) throw error
    }
  }
}

const RECURSIVELY = { recursive: true, force: true }

async function isAbandoned(
  folder: string,
  entry: string,
  isShared: () => Promise<boolean>,
): Promise<boolean> {
  const owner = ownerOf(entry)
  if (owner === undefined || !isProvablyDead(owner)) return false
  if (owner.bootId === readBootId() || !(await isShared())) return true
  const { mtimeMs } = await stat(join(folder, entry))
  return Date.now() - mtimeMs > ABANDONED_AFTER_MS
}
