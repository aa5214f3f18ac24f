import type { Finding } from './check.ts'

/** All is well. */
export function pass(seen: string): Finding {
  return { verdict: 'pass', seen }
}

/** It could not be looked at, and nothing says that it is wrong. */
export function skip(seen: string): Finding {
  return { verdict: 'skip', seen }
}

/** It works, and something should be mended; each way out is a line. */
export function warn(seen: string, ...remedy: readonly string[]): Finding {
  return { verdict: 'warn', seen, remedy: remedy.join('\n') }
}

/** It does not work; each way out is a line. */
export function fail(seen: string, ...remedy: readonly [string, ...string[]]): Finding {
  return { verdict: 'fail', seen, remedy: remedy.join('\n') }
}
