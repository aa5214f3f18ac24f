import { InvalidArgumentError } from '../../../libstorage/errors.ts'

/** A place in a template's text: how many characters stand before it. */
export type Offset = number

/** What is wrong with a template, and where. */
export interface TemplateFault {
  readonly at: Offset
  readonly problem: string
  readonly remedy?: string | undefined
}

/** A template that cannot be read or does not fit its data. The message names line and column, from 1. */
export class TemplateError extends InvalidArgumentError {
  /** Whether the same template fails so with any data: a field that nothing has. */
  readonly isCertain: boolean

  constructor(text: string, { at, problem, remedy }: TemplateFault, isCertain = false) {
    super({ subject: `template ${placeOf(text, at)}:`, problem, remedy })
    this.isCertain = isCertain
  }
}

function placeOf(text: string, at: Offset): string {
  const before = text.slice(0, at).split('\n')
  return `line ${before.length}, column ${[...(before.at(-1) ?? '')].length + 1}`
}
