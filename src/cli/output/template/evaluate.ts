import { nearest } from '../../../libstorage/nearest.ts'
import { WrongArgument } from './compare.ts'
import type { TemplateFunction } from './functions.ts'
import type {
  BranchNode,
  ControlNode,
  Operand,
  Pipeline,
  PipelineCommand,
  TemplateNode,
} from './nodes.ts'
import { type Offset, TemplateError } from './template-error.ts'
import {
  isList,
  isMap,
  isTrue,
  sortedEntries,
  TemplateObject,
  type TemplateValue,
  textOf,
  typeOf,
} from './values.ts'

/** What a template is evaluated with. */
export interface Evaluation {
  /** The template's text, for the places in messages. */
  readonly text: string
  readonly functions: ReadonlyMap<string, TemplateFunction>
}

/** How parts ended before their end, which is the business of the range around them. */
type Control = ControlNode['kind'] | undefined

type Variables = Map<string, { value: TemplateValue }>

/** What a template makes of a value. Throws `TemplateError` about a field that the value lacks, or a wrong argument. */
export function evaluate(
  nodes: readonly TemplateNode[],
  data: TemplateValue,
  { text, functions }: Evaluation,
): string {
  const evaluator = new Evaluator(text, functions)
  evaluator.nodes(nodes, data, new Map([['', { value: data }]]))
  return evaluator.written.join('')
}

class Evaluator {
  readonly written: string[] = []
  readonly #text: string
  readonly #functions: Evaluation['functions']

  constructor(text: string, functions: Evaluation['functions']) {
    this.#text = text
    this.#functions = functions
  }

  nodes(nodes: readonly TemplateNode[], dot: TemplateValue, outer: Variables): Control {
    const variables: Variables = new Map(outer)
    for (const node of nodes) {
      const control = this.#node(node, dot, variables)
      if (control !== undefined) return control
    }
    return undefined
  }

  #node(node: TemplateNode, dot: TemplateValue, variables: Variables): Control {
    switch (node.kind) {
      case 'text':
        this.written.push(node.text)
        return undefined
      case 'print':
        return this.#print(node.pipeline, dot, variables)
      case 'break':
      case 'continue':
        return node.kind
      default:
        return this.#branch(node, dot, variables)
    }
  }

  #print(pipeline: Pipeline, dot: TemplateValue, variables: Variables): undefined {
    const value = this.#pipeline(pipeline, dot, variables)
    this.#set(pipeline, [value], variables)
    if (pipeline.variables.length === 0) this.written.push(textOf(value))
  }

  #branch(node: BranchNode, dot: TemplateValue, outer: Variables): Control {
    const variables: Variables = new Map(outer)
    const value = this.#pipeline(node.pipeline, dot, variables)
    if (node.kind === 'range') return this.#range(node, value, dot, variables)
    this.#set(node.pipeline, [value], variables)
    if (!isTrue(value)) return this.nodes(node.otherwise, dot, variables)
    return this.nodes(node.body, node.kind === 'with' ? value : dot, variables)
  }

  #range(node: BranchNode, value: TemplateValue, dot: TemplateValue, outer: Variables): Control {
    const entries = this.#entries(value, node.pipeline.at)
    if (entries.length === 0) {
      const control = this.nodes(node.otherwise, dot, outer)
      // As in Go, a break there ends this range and not the one around it.
      return control === 'break' ? undefined : control
    }
    const two = node.pipeline.variables.length > 1
    for (const [key, element] of entries) {
      const variables: Variables = new Map(outer)
      this.#set(node.pipeline, two ? [key, element] : [element], variables)
      if (this.nodes(node.body, element, variables) === 'break') break
    }
    return undefined
  }

  #entries(value: TemplateValue, at: Offset): readonly (readonly [TemplateValue, TemplateValue])[] {
    if (value === undefined || value === null) return []
    if (isList(value)) return value.map((element, index) => [index, element] as const)
    if (isMap(value)) return sortedEntries(value)
    throw this.#fault(at, `range cannot go through ${typeOf(value)}`)
  }

  #set(pipeline: Pipeline, values: readonly TemplateValue[], variables: Variables): void {
    for (const [index, name] of pipeline.variables.entries()) {
      const value = values[index]
      const existing = variables.get(name)
      if (pipeline.assigns && existing !== undefined) existing.value = value
      else variables.set(name, { value })
    }
  }

  #pipeline(pipeline: Pipeline, dot: TemplateValue, variables: Variables): TemplateValue {
    let passed: readonly TemplateValue[] = []
    for (const command of pipeline.commands) {
      passed = [this.#command(command, passed, dot, variables)]
    }
    return passed[0]
  }

  #command(
    { operands, at }: PipelineCommand,
    passed: readonly TemplateValue[],
    dot: TemplateValue,
    variables: Variables,
  ): TemplateValue {
    const [first, ...rest] = operands
    if (first?.start.kind === 'function') {
      const { name } = first.start
      const evaluated = (operand: Operand) => this.#operand(operand, dot, variables)
      const value =
        name === 'and' || name === 'or'
          ? this.#shortcut(name, rest, passed, evaluated)
          : this.#call(name, [...rest.map(evaluated), ...passed], at)
      return this.#follow(value, first.fields)
    }
    if (first === undefined || rest.length > 0 || passed.length > 0) {
      throw this.#fault(at, 'only a function takes arguments', 'separate values by |')
    }
    return this.#operand(first, dot, variables)
  }

  /** Looks at no further argument than is needed. */
  #shortcut(
    name: 'and' | 'or',
    operands: readonly Operand[],
    passed: readonly TemplateValue[],
    evaluated: (operand: Operand) => TemplateValue,
  ): TemplateValue {
    let value: TemplateValue
    for (const operand of operands) {
      value = evaluated(operand)
      if (isTrue(value) === (name === 'or')) return value
    }
    return passed.length > 0 ? passed[0] : value
  }

  #call(name: string, args: readonly TemplateValue[], at: Offset): TemplateValue {
    const called = this.#functions.get(name)
    if (called === undefined) throw this.#fault(at, `there is no function ${name}`)
    if (args.length < called.least || args.length > called.most) {
      const wanted = args.length < called.least ? called.least : called.most
      throw this.#fault(at, `${name} wants ${wanted} arguments and got ${args.length}`)
    }
    try {
      return called.call(args)
    } catch (error) {
      if (error instanceof WrongArgument) throw this.#fault(at, `${name}: ${error.message}`)
      throw error
    }
  }

  #operand({ start, fields, at }: Operand, dot: TemplateValue, variables: Variables) {
    switch (start.kind) {
      case 'dot':
        return this.#follow(dot, fields)
      case 'variable':
        return this.#follow(variables.get(start.name)?.value, fields)
      case 'value':
        return this.#follow(start.value, fields)
      case 'function':
        return this.#follow(this.#call(start.name, [], at), fields)
      case 'pipeline':
        return this.#follow(this.#pipeline(start.pipeline, dot, variables), fields)
    }
  }

  #follow(from: TemplateValue, fields: Operand['fields']): TemplateValue {
    return fields.reduce((value: TemplateValue, field) => this.#field(value, field), from)
  }

  #field(value: TemplateValue, { name, at }: Operand['fields'][number]): TemplateValue {
    if (isMap(value)) return value.get(name)
    if (!(value instanceof TemplateObject)) {
      const problem = `${typeOf(value)} has no fields, so no .${name}`
      const isEmpty = value === undefined || value === null
      throw new TemplateError(this.#text, { at, problem }, !isEmpty)
    }
    if (Object.hasOwn(value.fields, name)) return value.fields[name]
    const names = Object.keys(value.fields)
    const near = nearest(name, names)
    const remedy =
      near === undefined
        ? `use one of ${names.map((known) => `.${known}`).join(', ')}`
        : `did you mean .${near}`
    const problem = `.${name} is no field of ${value.what}`
    throw new TemplateError(this.#text, { at, problem, remedy }, true)
  }

  #fault(at: Offset, problem: string, remedy?: string): TemplateError {
    return new TemplateError(this.#text, { at, problem, remedy })
  }
}
