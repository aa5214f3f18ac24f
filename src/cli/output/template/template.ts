import { evaluate } from './evaluate.ts'
import { type TemplateFunction, templateFunctions } from './functions.ts'
import { parseTemplate } from './parse.ts'
import type { TemplateValue } from './values.ts'

/** A template that was read. */
export interface Template {
  /** What it makes of a value. Throws `TemplateError` where it does not fit. */
  render(data: TemplateValue): string
}

/** What a template understands besides the language. */
export interface TemplateExtras {
  readonly functions?: Readonly<Record<string, TemplateFunction>>
  /** Whether `\n` and `\t` outside of actions stand for what they mean, as in REX-Ray's flags. */
  readonly escapes?: boolean
}

/** Functions of the evaluator's own. */
const BUILT_IN = ['and', 'or']

/**
 * Reads a template of Go's language, as far as scripts use it: fields, variables, `if`, `with`, `range` with `break` and `continue`, pipelines and the
 * functions of Go and REX-Ray, with those given. Throws `TemplateError` where it cannot be read; https://pkg.go.dev/text/template
 */
export function compileTemplate(
  text: string,
  { functions: own = {}, escapes = false }: TemplateExtras = {},
): Template {
  const functions = new Map([...templateFunctions, ...Object.entries(own)])
  const names = new Set([...functions.keys(), ...BUILT_IN])
  const nodes = parseTemplate(text, { functions: names, escapes })
  return { render: (data) => evaluate(nodes, data, { text, functions }) }
}
