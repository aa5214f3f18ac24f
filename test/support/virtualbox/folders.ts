import path from 'node:path'
import { done } from './disks.ts'
import { ApiError, type SimProgress } from './model.ts'

const FILE_ERROR = 0x80bb0004

/** The folders of a host, and its system. */
export class SimFolders {
  system = 'Linux'
  /** Those that the user of the web service may read. */
  readonly readable = new Set(['/home/me', '/home/me/volumes'])
  /** Files, and folders that he must not read. */
  readonly closed = new Set<string>()
  /** Whether the disk beneath them hangs. */
  hangs = false

  /** Reads a folder; why it cannot, VirtualBox does not say. */
  read(folder: string): SimProgress {
    const progress = done(() => {
      if (!this.readable.has(folder)) throw new ApiError(FILE_ERROR, '')
    })
    if (this.hangs) progress.isDone = false
    return progress
  }

  /** Those of the names that are in a folder. */
  existing(folder: string, names: readonly string[]): readonly string[] {
    const all = [...this.readable, ...this.closed]
    return names.filter((name) => all.includes(path.posix.join(folder, name)))
  }
}

/** Something that looks into a folder. */
export interface SimExplorer {
  readonly kind: 'IVFSExplorer'
  readonly folder: string
}
