import { type TemplateValue, textOf, typeOf } from './values.ts'

const VERB = /%([-+ 0#]*)(\d+)?(?:\.(\d*))?([a-zA-Z%])/g

const BASES: Readonly<Record<string, number>> = { x: 16, X: 16, o: 8, b: 2 }

/** What stands between a verb's % and its letter. */
interface Directive {
  readonly flags: string
  readonly width: number
  /** Undefined where none is given. */
  readonly precision: number | undefined
}

/** Go's `Sprintf`, for the verbs that scripts use. A value that does not fit its verb is printed as Go does: `%!d(string=x)`. */
export function sprintf(format: string, values: readonly TemplateValue[]): string {
  let used = 0
  const text = format.replace(
    VERB,
    (_whole, flags: string, width = '0', precision: string | undefined, verb: string) => {
      if (verb === '%') return '%'
      if (used >= values.length) return `%!${verb}(MISSING)`
      const value = values[used]
      used += 1
      const directive = {
        flags,
        width: Number(width),
        precision: precision === undefined ? undefined : Number(precision),
      }
      const shown = verbText(verb, value, directive)
      return shown === undefined
        ? `%!${verb}(${typeOf(value)}=${textOf(value)})`
        : padded(shown, directive, typeof value === 'number')
    },
  )
  const extra = values.slice(used).map((value) => `${typeOf(value)}=${textOf(value)}`)
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(', ')})`
}

/** Undefined where the verb is none for such a value. */
function verbText(verb: string, value: TemplateValue, directive: Directive): string | undefined {
  switch (verb) {
    case 'v':
      return cut(value === undefined ? '<nil>' : textOf(value), directive)
    case 'T':
      return typeOf(value)
    case 't':
      return typeof value === 'boolean' ? String(value) : undefined
    default:
      return typeof value === 'number'
        ? numberText(verb, value, directive)
        : wordText(verb, value, directive)
  }
}

function wordText(verb: string, value: TemplateValue, directive: Directive): string | undefined {
  if (typeof value === 'boolean' || value === null || value === undefined) return undefined
  const text = cut(textOf(value), directive)
  if (verb === 's') return text
  if (verb === 'q') return JSON.stringify(text)
  if (verb !== 'x' && verb !== 'X') return undefined
  const hex = Buffer.from(text).toString('hex')
  return verb === 'x' ? hex : hex.toUpperCase()
}

function numberText(verb: string, value: number, { flags, precision = 6 }: Directive) {
  const sign = flags.includes('+') && value >= 0 ? '+' : ''
  if (verb === 'f') return `${sign}${value.toFixed(Math.min(precision, 100))}`
  if (!Number.isInteger(value)) return undefined
  if (verb === 'd') return `${sign}${value}`
  if (verb === 'c') return isCodePoint(value) ? String.fromCodePoint(value) : undefined
  const base = BASES[verb]
  const digits = base === undefined ? undefined : value.toString(base)
  return verb === 'X' ? digits?.toUpperCase() : digits
}

function isCodePoint(value: number): boolean {
  return value >= 0 && value <= 0x10ffff
}

function cut(text: string, { precision }: Directive): string {
  return precision === undefined ? text : [...text].slice(0, precision).join('')
}

function padded(text: string, { flags, width }: Directive, isNumber: boolean): string {
  const missing = Math.max(0, width - [...text].length)
  if (flags.includes('-')) return text + ' '.repeat(missing)
  if (!flags.includes('0') || !isNumber) return ' '.repeat(missing) + text
  const sign = /^[+-]/.exec(text)?.[0] ?? ''
  return sign + '0'.repeat(missing) + text.slice(sign.length)
}
