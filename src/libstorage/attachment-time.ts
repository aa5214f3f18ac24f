/** Stands for the beginning of an attachment where the platform cannot tell it. */
export const SINCE_UNTOLD = new Date(0)

/** Whether the platform could tell when an attachment began. */
export function isSinceTold(since: Date): boolean {
  return since.getTime() !== SINCE_UNTOLD.getTime()
}

/** Whether two times (ISO 8601) may be the beginning of one attachment: what was not told contradicts nothing. */
export function mayBeginTogether(one: string, other: string): boolean {
  return one === other || [one, other].includes(SINCE_UNTOLD.toISOString())
}
