import { createHash } from 'node:crypto'

/** The longest file name that is made; file systems take 255 bytes. */
const LONGEST = 200
/** What every host's file system takes in a name, and none changes. */
const SAFE = /[A-Za-z0-9._~ +=@,-]/
/** The names that Windows keeps for devices. */
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)$/i

/** A file in a folder of the host, in the host's own form: Windows has drives and shares. */
export function fileIn(folder: string, file: string): string {
  const separator = isOfWindows(folder) ? '\\' : '/'
  return `${folder.replace(/[\\/]+$/, '')}${separator}${file}`
}

/** Whether a file of the host lies in this very folder, not deeper. */
export function isDirectlyIn(folder: string, file: string): boolean {
  const [wanted, found] = [comparable(folder), comparable(file)]
  return found.slice(0, found.lastIndexOf('/')) === wanted
}

/** Whether two paths of the host mean one file. */
export function isSameFile(one: string, other: string): boolean {
  return comparable(one) === comparable(other)
}

/** The last part of a path of the host. */
export function lastPart(path: string): string {
  return path.split(isOfWindows(path) ? /[\\/]/ : '/').at(-1) ?? path
}

/** The file name of a volume: its own name, with a percent sign before the hexadecimal form of every byte that not all hosts take. */
export function fileNameOf(name: string): string {
  const safe = [...name].map((one) => (SAFE.test(one) ? one : percent(one))).join('')
  const ended = safe.replace(/[. ]$/, percent)
  const made = RESERVED.test(ended.split('.')[0] ?? '')
    ? percent(ended[0] ?? '') + ended.slice(1)
    : ended
  if (made.length <= LONGEST) return made
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return `${made.slice(0, LONGEST - 17)}~${hash}`
}

/** The name that a file name was made of, or the file name itself where it was made of none. */
export function nameOfFile(fileName: string): string {
  try {
    const name = decodeURIComponent(fileName)
    return fileNameOf(name) === fileName ? name : fileName
  } catch {
    return fileName
  }
}

function percent(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('')
}

function comparable(path: string): string {
  if (!isOfWindows(path)) return path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '')
  return path
    .replace(/[\\/]+/g, '/')
    .replace(/\/$/, '')
    .toLowerCase()
}

/** Whether a path is in the form of Windows. */
export function isOfWindows(path: string): boolean {
  return /^(?:[A-Za-z]:|\\\\)/.test(path)
}
