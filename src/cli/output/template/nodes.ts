import type { Offset } from './template-error.ts'
import type { TemplateValue } from './values.ts'

/** A part of a template. */
export type TemplateNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | ControlNode
  | BranchNode

/** What ends a range, or goes on with its next element; it stands in the body of one. */
export interface ControlNode {
  readonly kind: 'break' | 'continue'
}

/** What is done once, never or for each element of a value: `if`, `with`, `range`. */
export interface BranchNode {
  readonly kind: 'if' | 'with' | 'range'
  readonly at: Offset
  readonly pipeline: Pipeline
  readonly body: readonly TemplateNode[]
  /** What is done instead where the value is empty. */
  readonly otherwise: readonly TemplateNode[]
}

/** Commands, each given the result of the one before as its last argument. */
export interface Pipeline {
  readonly at: Offset
  /** The variables that get the result: `$x`, or `$index, $element` of a range. */
  readonly variables: readonly string[]
  /** Whether they exist already: `=` and not `:=`. */
  readonly assigns: boolean
  readonly commands: readonly PipelineCommand[]
}

/** A function with its arguments, or a single value. */
export interface PipelineCommand {
  readonly at: Offset
  readonly operands: readonly Operand[]
}

/** A value, or a function's name, and the fields that are followed from it. */
export interface Operand {
  readonly at: Offset
  readonly start:
    | { readonly kind: 'dot' }
    | { readonly kind: 'variable'; readonly name: string }
    | { readonly kind: 'value'; readonly value: TemplateValue }
    | { readonly kind: 'function'; readonly name: string }
    | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  readonly fields: readonly { readonly name: string; readonly at: Offset }[]
}
