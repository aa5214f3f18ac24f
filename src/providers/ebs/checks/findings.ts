import { withoutRequest } from '../signed-requests.ts'

export { fail, pass, skip, warn } from '../../../libstorage/findings.ts'

/** What an error says, in one line without a full stop, with the code of AWS where it is one of theirs; no secret of the request. */
export function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // What a proxy, or something that is only like AWS, answers with.
  if (/Deserialization error/.test(error.message)) return 'its answer is none of AWS'
  const text = withoutRequest(error.message).trim().replace(/\s+/g, ' ').replace(/\.$/, '')
  const isOfAws = '$metadata' in error || '$fault' in error
  return isOfAws && text !== '' ? `${error.name}: ${text}` : text || error.name
}

/** The code of AWS for an error, or the name of another one. */
export function codeOf(error: unknown): string {
  return error instanceof Error ? error.name : ''
}
