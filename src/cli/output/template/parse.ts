import type { BranchNode, ControlNode, Pipeline, TemplateNode } from './nodes.ts'
import { PipelineReader } from './pipeline-reader.ts'
import { type Offset, TemplateError } from './template-error.ts'
import { type Piece, type Token, tokenize, unescaped } from './tokens.ts'

const BRANCHES = ['if', 'with', 'range'] as const
const CONTROLS = ['break', 'continue'] as const
/** Of Go's language, and in nobody's scripts. */
const UNSUPPORTED = ['block', 'define', 'template']

/** What a template may hold. */
export interface TemplateLanguage {
  /** The names of the functions that there are. */
  readonly functions: ReadonlySet<string>
  /** Whether `\n` and `\t` outside of actions stand for what they mean, as in REX-Ray's flags. */
  readonly escapes: boolean
}

/** Reads a template. Throws `TemplateError` about the first thing that is wrong, an unknown function among them. */
export function parseTemplate(text: string, language: TemplateLanguage): readonly TemplateNode[] {
  const parser = new Parser(text, language)
  return parser.parse()
}

class Parser {
  readonly #text: string
  readonly #language: TemplateLanguage
  readonly #pieces: readonly Piece[]
  #next = 0
  /** In how many bodies of ranges the next piece stands. */
  #ranges = 0

  constructor(text: string, language: TemplateLanguage) {
    this.#text = text
    this.#language = language
    this.#pieces = tokenize(text)
  }

  parse(): readonly TemplateNode[] {
    const { nodes, ending } = this.#nodes(new Set())
    if (ending === undefined) return nodes
    throw this.#fault(ending.at, `{{${ending.word}}} belongs to nothing`, 'take it away')
  }

  /** Parts up to `else` or `end`. */
  #nodes(variables: ReadonlySet<string>): { nodes: TemplateNode[]; ending?: Ending } {
    const nodes: TemplateNode[] = []
    const known = new Set(variables)
    for (let piece = this.#take(); piece !== undefined; piece = this.#take()) {
      const ending = endingOf(piece)
      if (ending !== undefined) return { nodes, ending }
      const node = piece.kind === 'text' ? this.#words(piece) : this.#action(piece, known)
      if (node.kind === 'print') for (const name of node.pipeline.variables) known.add(name)
      nodes.push(node)
    }
    return { nodes }
  }

  #take(): Piece | undefined {
    const piece = this.#pieces[this.#next]
    this.#next += 1
    return piece
  }

  #words(words: Words): Words {
    return this.#language.escapes ? { ...words, text: unescaped(words.text) } : words
  }

  #action({ at, tokens }: Action, known: ReadonlySet<string>): TemplateNode {
    const [first, ...rest] = tokens
    if (first === undefined) throw this.#fault(at, '{{ }} is empty', 'say what to print')
    const word = first.kind === 'word' ? first.text : ''
    if (UNSUPPORTED.includes(word)) throw this.#fault(at, `${word} is not understood here`)
    const control = CONTROLS.find((one) => one === word)
    if (control !== undefined) return this.#control(control, at, rest)
    const kind = BRANCHES.find((branch) => branch === word)
    if (kind !== undefined) return this.#branch(kind, at, rest, known)
    return { kind: 'print', pipeline: this.#pipeline(tokens, at, known) }
  }

  #control(kind: ControlNode['kind'], at: Offset, [extra]: readonly Token[]): ControlNode {
    if (extra !== undefined) throw this.#fault(extra.at, `nothing may stand behind ${kind}`)
    if (this.#ranges === 0)
      throw this.#fault(at, `{{${kind}}} is in no range`, 'write it between {{range}} and {{end}}')
    return { kind }
  }

  #branch(
    kind: BranchNode['kind'],
    at: Offset,
    tokens: readonly Token[],
    variables: ReadonlySet<string>,
  ): BranchNode {
    const pipeline = this.#pipeline(tokens, at, variables)
    const inner = new Set([...variables, ...pipeline.variables])
    const depth = kind === 'range' ? 1 : 0
    this.#ranges += depth
    const { nodes: body, ending } = this.#nodes(inner)
    this.#ranges -= depth
    if (ending?.word !== 'else') {
      this.#requireEnd(kind, at, ending)
      return { kind, at, pipeline, body, otherwise: [] }
    }
    const [again, ...rest] = ending.rest
    if (again?.kind === 'word' && again.text === 'if') {
      const chained = this.#branch('if', ending.at, rest, inner)
      return { kind, at, pipeline, body, otherwise: [chained] }
    }
    if (again !== undefined) {
      throw this.#fault(again.at, 'only if may stand behind else', 'close the action with }}')
    }
    const otherwise = this.#nodes(inner)
    this.#requireEnd(kind, at, otherwise.ending)
    return { kind, at, pipeline, body, otherwise: otherwise.nodes }
  }

  #requireEnd(kind: string, at: Offset, ending: Ending | undefined): void {
    if (ending === undefined) {
      throw this.#fault(at, `{{${kind}}} is never ended`, 'end it with {{end}}')
    }
    if (ending.word === 'else') throw this.#fault(ending.at, 'a second {{else}}', 'take it away')
    const [extra] = ending.rest
    if (extra !== undefined) throw this.#fault(extra.at, 'nothing may stand behind end')
  }

  #pipeline(tokens: readonly Token[], at: Offset, known: ReadonlySet<string>): Pipeline {
    const reader = new PipelineReader(tokens, at, {
      known,
      functions: this.#language.functions,
      fault: (...facts) => this.#fault(...facts),
    })
    return reader.read()
  }

  #fault(at: Offset, problem: string, remedy?: string): TemplateError {
    return new TemplateError(this.#text, { at, problem, remedy })
  }
}

interface Ending {
  readonly word: 'else' | 'end'
  readonly at: Offset
  readonly rest: readonly Token[]
}

type Action = Extract<Piece, { kind: 'action' }>

type Words = Extract<Piece, { kind: 'text' }>

function endingOf(piece: Piece): Ending | undefined {
  if (piece.kind === 'text') return undefined
  const [first, ...rest] = piece.tokens
  if (first?.kind !== 'word' || (first.text !== 'else' && first.text !== 'end')) return undefined
  return { word: first.text, at: piece.at, rest }
}
