import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { leftoverName } from './leftover.ts'
import type { ProcessIdentity } from './process-identity.ts'

/** Replaces a file so that after any crash either the old or the new content is there, whole. Resolves when it is on disk. */
export async function writeDurably(
  file: string,
  content: string,
  writer?: ProcessIdentity,
): Promise<void> {
  const temporary = path.join(path.dirname(file), leftoverName('writing', writer))
  try {
    await writeNew(temporary, content)
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(path.dirname(file))
}

/** Removes a file, if it is there, for good. */
export async function removeDurably(file: string): Promise<void> {
  await rm(file, { force: true })
  await syncFolder(path.dirname(file))
}

/** Writes a file that must not exist yet; when it resolves, the bytes are on the disk, though its name may not be. */
export async function writeNew(file: string, content: string): Promise<void> {
  await withFile(file, 'wx', async (handle) => {
    await handle.writeFile(content)
    await handle.sync()
  })
}

/** Makes the names in a folder survive a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  await withFile(folder, 'r', (handle) => handle.sync())
}

async function withFile(
  file: string,
  flags: string,
  work: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const handle = await open(file, flags, 0o600)
  try {
    await work(handle)
  } finally {
    await handle.close()
  }
}
