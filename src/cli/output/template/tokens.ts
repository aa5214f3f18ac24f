import { type Offset, TemplateError } from './template-error.ts'

/** A piece of an action: what stands between `{{` and `}}`. */
export interface Token {
  readonly kind: 'field' | 'dot' | 'variable' | 'word' | 'text' | 'number' | 'sign'
  /** A field or variable without its sign, a text without its quotes and escapes. */
  readonly text: string
  readonly at: Offset
  /** Whether it stands right behind the one before: `.A.B`, `(x).A`. */
  readonly isAttached: boolean
}

/** A template's text cut up: what is printed as it is, and what is done. */
export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly at: Offset; readonly tokens: readonly Token[] }

const OPEN = '{{'
const COMMENT = /^(?:-\s)?\/\*[\s\S]*?\*\/(?:\s-)?\}\}/
const SPACE = /\s+/y
const END = /(?:\s-)?\}\}/y
const TOKENS: readonly (readonly [Token['kind'], RegExp])[] = [
  ['number', /[+-]?(?:0x[\da-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w.])/iy],
  ['field', /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ['dot', /\./y],
  ['variable', /\$[\p{L}\p{N}_]*/uy],
  ['word', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['text', /"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)+'/y],
  ['sign', /:=|[|(),=]/y],
]

/** Cuts a template up. Throws `TemplateError` about an action that never ends, or holds what is not of the language. */
export function tokenize(template: string): readonly Piece[] {
  const pieces: Piece[] = []
  let at = 0
  let trims = false
  while (at < template.length) {
    const open = template.indexOf(OPEN, at)
    const text = template.slice(at, open < 0 ? template.length : open)
    const trimsEnd = open >= 0 && /^-\s/.test(template.slice(open + 2, open + 4))
    const start = trims ? text.trimStart() : text
    pieces.push({ kind: 'text', text: trimsEnd ? start.trimEnd() : start })
    if (open < 0) break
    const action = readAction(template, open, trimsEnd)
    if (action.tokens !== undefined) {
      pieces.push({ kind: 'action', at: open, tokens: action.tokens })
    }
    trims = action.trims
    at = action.end
  }
  return pieces.filter((piece) => piece.kind === 'action' || piece.text !== '')
}

interface ReadAction {
  /** Undefined for a comment. */
  readonly tokens: readonly Token[] | undefined
  readonly end: Offset
  /** Whether the white space behind it goes. */
  readonly trims: boolean
}

function readAction(template: string, open: Offset, trimsBefore: boolean): ReadAction {
  const inside = open + OPEN.length
  const comment = COMMENT.exec(template.slice(inside))?.[0]
  if (comment !== undefined) {
    const end = inside + comment.length
    return { tokens: undefined, end, trims: comment.endsWith('-}}') }
  }
  const tokens: Token[] = []
  let at = trimsBefore ? inside + 1 : inside
  for (;;) {
    const end = matchAt(END, template, at)
    if (end !== undefined) return { tokens, end: at + end.length, trims: end.includes('-') }
    const space = matchAt(SPACE, template, at)
    if (space !== undefined) {
      at += space.length
      continue
    }
    const token = readToken(template, at, open)
    tokens.push({ ...token.token, isAttached: token.token.isAttached && tokens.length > 0 })
    at = token.end
  }
}

function readToken(template: string, at: Offset, open: Offset): { token: Token; end: Offset } {
  const isAttached = !/[\s{]/.test(template.charAt(at - 1))
  for (const [kind, pattern] of TOKENS) {
    const found = matchAt(pattern, template, at)
    if (found === undefined) continue
    const text = kind === 'text' ? unquoted(template, found, at) : found.replace(/^[.$]/, '')
    return { token: { kind, text, at, isAttached }, end: at + found.length }
  }
  if (at >= template.length) {
    throw new TemplateError(template, {
      at: open,
      problem: '{{ is never closed',
      remedy: 'close it with }}',
    })
  }
  const quote = /["`']/.exec(template.charAt(at))?.[0]
  const problem =
    quote === undefined ? `${template.charAt(at)} means nothing here` : 'the text is never closed'
  throw new TemplateError(template, {
    at,
    problem,
    remedy: quote === undefined ? undefined : `close it with ${quote}`,
  })
}

function matchAt(pattern: RegExp, text: string, at: Offset): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b' }

function unquoted(template: string, quoted: string, at: Offset): string {
  const inside = quoted.slice(1, -1)
  if (quoted.startsWith('`')) return inside
  const text = unescaped(inside)
  if (!quoted.startsWith("'")) return text
  if ([...text].length === 1) return String(text.codePointAt(0))
  throw new TemplateError(template, {
    at,
    problem: `${quoted} is not one character`,
    remedy: 'write texts in double quotes',
  })
}

/** Replaces Go's escapes (`\n`, `\t`, `\"`, `\x41`, `\u00e4`) by what they stand for; any other stays as it is. */
export function unescaped(text: string): string {
  return text.replaceAll(
    /\\(?:x([\da-f]{2})|u([\da-f]{4})|([\s\S]))/gi,
    (whole, byte: string | undefined, unit: string | undefined, letter: string | undefined) => {
      const code = byte ?? unit
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16))
      if (letter === undefined) return whole
      return ESCAPES[letter] ?? (/[\\"']/.test(letter) ? letter : whole)
    },
  )
}
