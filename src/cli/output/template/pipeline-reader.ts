import { nearest } from '../../../libstorage/nearest.ts'
import type { Operand, Pipeline, PipelineCommand } from './nodes.ts'
import type { Offset, TemplateError } from './template-error.ts'
import type { Token } from './tokens.ts'

const CONSTANTS = { true: true, false: false, nil: null } as const
const KEYWORDS = ['if', 'with', 'range', 'break', 'continue', 'else', 'end']

/** What a pipeline may refer to. */
export interface Surrounding {
  /** The variables that exist there. */
  readonly known: ReadonlySet<string>
  readonly functions: ReadonlySet<string>
  /** The error about something at a place. */
  fault(at: Offset, problem: string, remedy?: string): TemplateError
}

/** Reads one pipeline, with the variables that it declares. */
export class PipelineReader {
  readonly #tokens: readonly Token[]
  readonly #around: Surrounding
  readonly #at: Offset
  #next = 0

  constructor(tokens: readonly Token[], at: Offset, around: Surrounding) {
    this.#tokens = tokens
    this.#at = at
    this.#around = around
  }

  read(): Pipeline {
    const { variables, assigns } = this.#declaration()
    const pipeline = this.#commands(this.#at)
    const extra = this.#tokens[this.#next]
    if (extra !== undefined) throw this.#around.fault(extra.at, `${extra.text} is not expected`)
    return { ...pipeline, variables, assigns }
  }

  #declaration(): Pick<Pipeline, 'variables' | 'assigns'> {
    const signs = this.#tokens.findIndex(({ text, kind }) => kind === 'sign' && /=$/.test(text))
    const names = this.#tokens.slice(0, Math.max(0, signs))
    const isDeclaration =
      names.length > 0 &&
      names.every(({ kind, text }, index) =>
        index % 2 === 0 ? kind === 'variable' : kind === 'sign' && text === ',',
      )
    if (!isDeclaration) return { variables: [], assigns: false }
    this.#next = signs + 1
    const variables = names.filter(({ kind }) => kind === 'variable')
    const assigns = this.#tokens[signs]?.text === '='
    if (assigns) for (const { text, at } of variables) this.#requireKnown(text, at)
    return { variables: variables.map(({ text }) => text), assigns }
  }

  #commands(at: Offset): Pipeline {
    const commands: PipelineCommand[] = []
    do commands.push(this.#command(at))
    while (this.#takes('|'))
    return { at, variables: [], assigns: false, commands }
  }

  #command(pipelineAt: Offset): PipelineCommand {
    const at = this.#tokens[this.#next]?.at ?? pipelineAt
    const operands: Operand[] = []
    for (;;) {
      const token = this.#tokens[this.#next]
      if (token === undefined || (token.kind === 'sign' && token.text !== '(')) break
      operands.push(this.#operand(token))
    }
    if (operands.length === 0) throw this.#around.fault(at, 'a value is missing')
    return { at, operands }
  }

  #operand(token: Token): Operand {
    this.#next += 1
    const { at } = token
    const start = this.#start(token)
    const fields = token.kind === 'field' ? [{ name: token.text, at }] : []
    for (;;) {
      const field = this.#tokens[this.#next]
      if (field?.kind !== 'field' || !field.isAttached) return { at, start, fields }
      fields.push({ name: field.text, at: field.at })
      this.#next += 1
    }
  }

  #start({ kind, text, at }: Token): Operand['start'] {
    switch (kind) {
      case 'dot':
      case 'field':
        return { kind: 'dot' }
      case 'variable':
        this.#requireKnown(text, at)
        return { kind: 'variable', name: text }
      case 'number':
        return { kind: 'value', value: Number(text) }
      case 'text':
        return { kind: 'value', value: text }
      case 'word':
        return this.#word(text, at)
      case 'sign': {
        const pipeline = this.#commands(at)
        if (!this.#takes(')')) throw this.#around.fault(at, '( is never closed', 'close it with )')
        return { kind: 'pipeline', pipeline }
      }
    }
  }

  #word(text: string, at: Offset): Operand['start'] {
    if (Object.hasOwn(CONSTANTS, text)) {
      return { kind: 'value', value: CONSTANTS[text as keyof typeof CONSTANTS] }
    }
    if (this.#around.functions.has(text)) return { kind: 'function', name: text }
    const near = nearest(text, [...this.#around.functions, ...KEYWORDS])
    const remedy = near === undefined ? `write .${text} for a field` : `did you mean ${near}`
    throw this.#around.fault(at, `there is no function ${text}`, remedy)
  }

  #requireKnown(name: string, at: Offset): void {
    if (name === '' || this.#around.known.has(name)) return
    throw this.#around.fault(at, `there is no variable $${name}`, `set it with $${name} := … first`)
  }

  #takes(sign: string): boolean {
    const token = this.#tokens[this.#next]
    if (token?.kind !== 'sign' || token.text !== sign) return false
    this.#next += 1
    return true
  }
}
