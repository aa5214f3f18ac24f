import { createHash } from 'node:crypto'
import { InvalidArgumentError, NotFoundError, volumeNamed } from '../libstorage/errors.ts'

const MAX_CHARACTERS = 128
const MAX_BYTES = 255

/** Throws `InvalidArgumentError` with the rule, unless the name may be given to a new volume of this platform. */
export function requireNewName(
  name: string,
  { looksLikeId }: { looksLikeId(text: string): boolean },
): void {
  const problem = looksLikeId(name) ? 'has the form of an id' : problemOf(name)
  if (problem === undefined) return
  throw new InvalidArgumentError({
    subject: volumeNamed(name),
    problem: `cannot be created: its name ${problem}`,
    remedy: `use 1 to ${MAX_CHARACTERS} characters of well-formed Unicode without "/" and control characters, not starting with "-", and no id`,
  })
}

/** The error of a name that no volume has. */
export function volumeNotFound(name: string): NotFoundError {
  return new NotFoundError(volumeNamed(name))
}

function problemOf(name: string): string | undefined {
  if (name === '') return 'is empty'
  if ([...name].length > MAX_CHARACTERS) return `has more than ${MAX_CHARACTERS} characters`
  if (Buffer.byteLength(name) > MAX_BYTES) return `has more than ${MAX_BYTES} bytes`
  if (name === '.' || name === '..') return 'is a path'
  if (name.includes('/')) return 'has a "/"'
  if (name.startsWith('-')) return 'starts with "-"'
  if (/\p{Cc}/u.test(name)) return 'has a control character'
  if (!name.isWellFormed()) return 'is not well-formed Unicode'
  return undefined
}

/**
 * The name of a volume's directory: the name itself where it is a plain file name, else percent-encoded, and hashed
 * where that grows too long. Different names give different directories, and none leads out of its parent.
 */
export function directoryName(name: string, reserved: ReadonlySet<string> = new Set()): string {
  if (problemOf(name) === undefined && !name.includes('%') && !reserved.has(name)) return name
  const encoded = [...Buffer.from(name)].map(encodeByte).join('')
  const safe = /^[.-]|^$/.test(encoded) || reserved.has(encoded) ? encodeFirst(encoded) : encoded
  if (safe.length <= MAX_BYTES) return safe
  return `%${createHash('sha256').update(name).digest('hex')}`
}

function encodeByte(byte: number): string {
  const character = String.fromCharCode(byte)
  return /[A-Za-z0-9._~-]/.test(character) ? character : percent(byte)
}

/** A character that is never encoded elsewhere, so that no other name comes to look the same. */
function encodeFirst(encoded: string): string {
  return encoded === '' ? '%' : `${percent(encoded.charCodeAt(0))}${encoded.slice(1)}`
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}
