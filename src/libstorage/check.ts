/** How a check ended. `skip`: it could not run, because one that it comes after failed. */
export type Verdict = 'pass' | 'warn' | 'fail' | 'skip'

/** One thing that a check saw. */
export interface Finding {
  readonly verdict: Verdict
  /** What was seen, a sentence without a full stop, naming the thing; never a secret. */
  readonly seen: string
  /** The command, setting or policy statement that mends it, one per line; there for every `fail`. */
  readonly remedy?: string
}

/** A question to this machine or its platform, which changes nothing. Providers bring their own. */
export interface Check {
  /** Stable, dotted, beginning with what it belongs to: `machine.tools`, `ebs.credentials`. */
  readonly id: string
  /** What is looked at, a few words in lower case. */
  readonly title: string
  /** Checks whose failure explains why this one could not run; it is skipped then. */
  readonly after?: readonly string[]
  /** What was found, at least one finding. Ends soon after the signal; whatever it throws is a `fail` with that sentence. */
  run(signal: AbortSignal): Promise<readonly Finding[]>
}
