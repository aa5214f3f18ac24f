import { withoutPassword } from '../libstorage/without-password.ts'

/** What may begin a secret: a key that sounds like one, up to where its value begins. */
const SECRET_KEY =
  /^(?<before>.*?(?:key|secret|password|passwd|token|credential)\w*["']?\s*[:=])(?<after>.*)$/i
/** Behind a key whose value stands in the lines below. */
const VALUE_BELOW = /^\s*(?:[|>][-+\d]*)?\s*(?:#.*)?$/

/** A text that is shown to say what is wrong with it, but never with what may be a secret: then only its key. */
export function withoutSecrets(text: string): string {
  const { before, after } = SECRET_KEY.exec(text)?.groups ?? {}
  return before === undefined || after === undefined
    ? withoutPassword(text)
    : `${before}${'*'.repeat(after.length)}`
}

/** A line of a file, counted from 1, as it is shown to say what is wrong with it: without secrets, and as long as it is. */
export function excerptOf(text: string, line: number): string {
  const lines = text.split(/\r?\n/)
  const written = lines[line - 1] ?? ''
  const above = lines.slice(0, line - 1)
  const nearest = above.findLast((one) => one.trim() !== '')
  const enclosing = above.findLast((one) => indentOf(one) < indentOf(written))
  if ([nearest, enclosing].some(hasSecretBelow)) return written.replace(/\S/g, '*')
  return withoutSecrets(written)
}

function hasSecretBelow(line = ''): boolean {
  const after = SECRET_KEY.exec(line)?.groups?.['after']
  return after !== undefined && VALUE_BELOW.test(after)
}

/** Of an empty line more than of any other. */
function indentOf(line: string): number {
  const indent = line.search(/\S/)
  return indent === -1 ? Number.POSITIVE_INFINITY : indent
}
