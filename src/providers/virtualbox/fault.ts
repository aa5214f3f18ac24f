/**
 * `runtime`: an operation that failed, with VirtualBox's code. `invalid-object`: a reference that means nothing any more, as
 * all do after their web session. `unknown-method`: this version has no such operation. `bare`: a fault without a word, as a
 * refused logon. `rejected`: a value of a wrong form. `no-soap`: what came is no answer.
 */
export type FaultKind =
  | 'runtime'
  | 'invalid-object'
  | 'unknown-method'
  | 'bare'
  | 'rejected'
  | 'no-soap'

/** VirtualBox's result codes that mean something here (its SDK reference, "Result codes"). */
export const Code = {
  objectNotFound: 0x80bb0001,
  invalidVmState: 0x80bb0002,
  fileError: 0x80bb0004,
  invalidObjectState: 0x80bb0007,
  notSupported: 0x80bb0009,
  objectInUse: 0x80bb000c,
  accessDenied: 0x80070005,
  invalidArgument: 0x80070057,
  unexpected: 0x8000ffff,
  /** The service process behind the web service is gone. */
  aborted: 0x80004004,
  notImplemented: 0x80004001,
} as const

/** What the web service said against a call, before it is known what that means for a volume. */
export class VboxFault extends Error {
  readonly kind: FaultKind
  readonly operation: string
  /** VirtualBox's own words; may be empty. */
  readonly text: string
  /** Of a `runtime` fault: the result code. */
  readonly code: number | undefined
  /** Of a `runtime` fault: a reference to more about it, which was made for it and stays until it is released; or empty. */
  readonly errorInfo: string

  constructor(facts: {
    readonly kind: FaultKind
    readonly operation: string
    readonly text: string
    readonly code?: number
    readonly errorInfo?: string
  }) {
    super(`${facts.operation}: ${facts.text === '' ? facts.kind : facts.text}`)
    this.name = 'VboxFault'
    this.kind = facts.kind
    this.operation = facts.operation
    this.text = facts.text
    this.code = facts.code
    this.errorInfo = facts.errorInfo ?? ''
  }
}

/** Whether an error is a fault with this result code. */
export function hasCode(error: unknown, ...codes: readonly number[]): error is VboxFault {
  return error instanceof VboxFault && error.code !== undefined && codes.includes(error.code)
}

/** Whether an error is a fault of this kind. */
export function isFault(error: unknown, kind: FaultKind): error is VboxFault {
  return error instanceof VboxFault && error.kind === kind
}
