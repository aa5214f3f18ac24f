import { holds } from './conditions.ts'
import { fits } from './patterns.ts'

/** One statement of a policy, as IAM's JSON has it (IAM User Guide, "JSON policy element reference"). */
export interface PolicyStatement {
  readonly Sid?: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Action?: string | readonly string[]
  readonly NotAction?: string | readonly string[]
  readonly Resource?: string | readonly string[]
  readonly NotResource?: string | readonly string[]
  readonly Condition?: Readonly<
    Record<string, Readonly<Record<string, string | readonly string[]>>>
  >
}

export interface PolicyDocument {
  readonly Version: '2012-10-17'
  readonly Statement: readonly PolicyStatement[]
}

/** A policy with the name by which a simulation tells of it. */
export interface NamedPolicy {
  readonly name: string
  readonly document: PolicyDocument
}

/** One action on one resource, with what is known of the request: condition keys in lower case, each with its values. */
export interface Asked {
  readonly action: string
  readonly resource: string
  readonly context: ReadonlyMap<string, readonly string[]>
}

export type Decision = 'allowed' | 'explicitDeny' | 'implicitDeny'

/** What policies say, and which of them said it. */
export interface Ruling {
  readonly decision: Decision
  readonly matched: readonly string[]
}

/** Evaluates policies as IAM does: a Deny goes before every Allow, and what no statement is about is denied. */
export function ruling(policies: readonly NamedPolicy[], asked: Asked): Ruling {
  const by = (effect: PolicyStatement['Effect']) =>
    policies
      .filter(({ document }) =>
        document.Statement.some((one) => one.Effect === effect && isAbout(one, asked)),
      )
      .map(({ name }) => name)
  const denying = by('Deny')
  if (denying.length > 0) return { decision: 'explicitDeny', matched: denying }
  const allowing = by('Allow')
  return { decision: allowing.length > 0 ? 'allowed' : 'implicitDeny', matched: allowing }
}

/** Condition keys as a request has them; their letter case says nothing. */
export function contextOf(
  entries: Readonly<Record<string, string | readonly string[]>>,
): Asked['context'] {
  return new Map(Object.entries(entries).map(([key, values]) => [key.toLowerCase(), list(values)]))
}

function isAbout(statement: PolicyStatement, { action, resource, context }: Asked): boolean {
  const { Action, NotAction, Resource, NotResource, Condition = {} } = statement
  const isAction = (patterns: string | readonly string[]) =>
    list(patterns).some((one) => fits(one.toLowerCase(), action.toLowerCase()))
  const isResource = (patterns: string | readonly string[]) =>
    list(patterns).some((one) => fits(one, resource))
  if (Action !== undefined && !isAction(Action)) return false
  if (NotAction !== undefined && isAction(NotAction)) return false
  if (Resource !== undefined && !isResource(Resource)) return false
  if (NotResource !== undefined && isResource(NotResource)) return false
  return Object.entries(Condition).every(([operator, tests]) =>
    Object.entries(tests).every(([key, values]) =>
      holds(operator, list(values), context.get(key.toLowerCase())),
    ),
  )
}

function list(values: string | readonly string[]): readonly string[] {
  return typeof values === 'string' ? [values] : values
}
