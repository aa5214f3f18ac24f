import { readdir, stat } from 'node:fs/promises'
import { readSmall } from './read-small.ts'

/** The names, within a volume's folder, of all that says something of the volume. */
export interface Names {
  readonly record: string
  readonly claim: string
  /** The file or folder that holds its content. */
  readonly content: string
}

/** What lies in a volume's folder, not judged yet. */
export interface Sight {
  /** The absolute path of the folder. */
  readonly folder: string
  /** The text of its record. */
  readonly record: string
  /** The text of its claim, absent when nobody has the volume. */
  readonly claim?: string | undefined
  /** Absent when it is lost; `bytes` only of a file. */
  readonly content?: { readonly bytes?: number | undefined } | undefined
}

/** The three questions of a look: each is one of Node's, answered at once or later. */
export interface Files {
  entries(path: string): readonly string[] | Promise<readonly string[]>
  text(path: string): string | Promise<string>
  stats(path: string): Stats | Promise<Stats>
}

interface Stats {
  readonly size: number
  isDirectory(): boolean
}

/** Files by way of Node's four threads. */
export const threadedFiles: Files = {
  entries: (path) => readdir(path),
  text: readSmall,
  stats: stat,
}

/**
 * Looks at a folder, one call after the other; undefined when it is gone or holds no volume. A reader in a thread of
 * its own gets this function as text: it may use nothing but its parameters.
 */
export async function look(folder: string, names: Names, files: Files): Promise<Sight | undefined> {
  const present = async <T>(ask: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await ask()
    } catch (error) {
      const code = error instanceof Error && 'code' in error && error.code
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      throw error
    }
  }
  const path = (name: string) => `${folder}/${name}`
  const entries = (await present(() => files.entries(folder))) ?? []
  if (!entries.includes(names.record)) return undefined
  const record = await present(() => files.text(path(names.record)))
  if (record === undefined) return undefined
  const hasClaim = entries.includes(names.claim)
  const claim = hasClaim ? await present(() => files.text(path(names.claim))) : undefined
  const hasContent = entries.includes(names.content)
  const stats = hasContent ? await present(() => files.stats(path(names.content))) : undefined
  const content = stats && { bytes: stats.isDirectory() ? undefined : stats.size }
  return { folder, record, claim, content }
}
