import { createHash } from 'node:crypto'

/** The longest name that Linux file systems take, in bytes (`NAME_MAX`). */
const LONGEST = 255
const KEPT = /^[A-Za-z0-9_,+=@:.-]$/
/** Followed by two hexadecimal digits it stands for a byte; followed by anything else it is none of those. */
const ESCAPE = '%'
const HASHED = `${ESCAPE}-`

/**
 * The folder of the volume of this name: its own for every name, of at most 255 bytes, one step below the pool and
 * never hidden. Short names stay readable: bytes that are not plain are percent-encoded; longer ones end in a hash.
 */
export function folderName(name: string): string {
  if (name === '') return ESCAPE
  if (!isWellFormed(name)) return `${HASHED}${ESCAPE}${sha256(Buffer.from(name, 'utf16le'))}`
  const encoded = Array.from(Buffer.from(name), encodeByte).join('')
  if (encoded.length <= LONGEST) return encoded
  const hash = `${HASHED}${sha256(Buffer.from(name))}`
  return encoded.slice(0, LONGEST - hash.length) + hash
}

/** The name whose folder this is, as far as the folder tells: one that was hashed is only recognisable. */
export function nameOfFolder(folder: string): string {
  try {
    return decodeURIComponent(folder)
  } catch {
    return folder
  }
}

function encodeByte(byte: number, index: number): string {
  const character = String.fromCharCode(byte)
  const hidden = index === 0 && character === '.'
  if (KEPT.test(character) && !hidden) return character
  return ESCAPE + byte.toString(16).toUpperCase().padStart(2, '0')
}

/** Half of a surrogate pair has no UTF-8: written as such, all of them would be the same name. */
function isWellFormed(name: string): boolean {
  return !/\p{Surrogate}/u.test(name)
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
