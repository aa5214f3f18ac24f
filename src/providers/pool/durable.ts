import { close, open, read } from 'node:fs'
import * as fs from 'node:fs/promises'

/** More than nearly every file that is kept beside a volume. */
const SMALL_BYTES = 2048

/** Writes a file that must not exist yet; when it resolves, the bytes are on the disk, though its name may not be. */
export async function writeNew(path: string, text: string): Promise<void> {
  const file = await fs.open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes the names in a folder survive a loss of power. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** The text of a file, with half the system calls of `readFile` where it is small: it counts where thousands are read. */
export function readSmall(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    open(path, 'r', (unopened, file) => {
      if (unopened) return reject(unopened)
      const buffer = Buffer.allocUnsafe(SMALL_BYTES)
      read(file, buffer, 0, SMALL_BYTES, 0, (unread, length) => {
        close(file, () => {
          if (unread) reject(unread)
          else if (length === SMALL_BYTES) resolve(fs.readFile(path, 'utf8'))
          else resolve(buffer.toString('utf8', 0, length))
        })
      })
    })
  })
}
