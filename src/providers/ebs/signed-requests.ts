/** Where AWS goes on with the request as it was signed, with the session token in it. */
const SIGNED = /\s*\bThe Canonical String\b.*$/is

/** What AWS says, without the request that it repeats where a signature does not match. */
export function withoutRequest(said: string): string {
  return said.replace(SIGNED, '')
}

/** Takes the request out of an error of AWS for good: whoever logs it logs its cause too. */
export function forgetRequest(error: unknown): void {
  if (!(error instanceof Error) || !SIGNED.test(error.message)) return
  error.message = withoutRequest(error.message)
  error.stack = withoutRequest(error.stack ?? '')
}
