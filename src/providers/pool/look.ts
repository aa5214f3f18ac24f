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
  /** The text of its record; empty where something there cannot be read. */
  readonly record: string
  /** The system's code for why something there cannot be read: that of this folder alone, not of the pool. */
  readonly unreadable?: string
  /** The text of its claim, absent when nobody has the volume. */
  readonly claim?: string | undefined
  /** Absent when it is lost; `bytes` only of a file. */
  readonly content?: { readonly bytes?: number | undefined } | undefined
  /** The names that begin with a dot: what is being changed, or was when a process died. */
  readonly hidden?: readonly string[] | undefined
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
  const absent = ['ENOENT', 'ENOTDIR', 'ELOOP']
  const damaged = ['EISDIR', 'ELOOP', 'EACCES', 'EUCLEAN', 'EBADMSG', 'EIO']
  const codeOf = (error: unknown) =>
    error instanceof Error && 'code' in error ? String(error.code) : ''
  const present = async <T>(ask: () => T | Promise<T>, none: readonly string[]) => {
    try {
      return await ask()
    } catch (error) {
      if (none.includes(codeOf(error))) return undefined
      throw error
    }
  }
  const within = <T>(name: string, ask: (path: string) => T | Promise<T>) =>
    present(() => ask(`${folder}/${name}`), ['ENOENT', 'ENOTDIR'])
  try {
    const entries = (await present(() => files.entries(folder), absent)) ?? []
    if (!entries.includes(names.record)) return undefined
    const record = await within(names.record, files.text)
    if (record === undefined) return undefined
    const hasClaim = entries.includes(names.claim)
    const claim = hasClaim ? await within(names.claim, files.text) : undefined
    const hasContent = entries.includes(names.content)
    const stats = hasContent ? await within(names.content, files.stats) : undefined
    const content = stats && { bytes: stats.isDirectory() ? undefined : stats.size }
    const hidden = entries.filter((entry) => entry.startsWith('.'))
    return { folder, record, claim, content, hidden }
  } catch (error) {
    if (damaged.includes(codeOf(error))) return { folder, record: '', unreadable: codeOf(error) }
    throw error
  }
}
