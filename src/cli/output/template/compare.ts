import { type TemplateValue, typeOf } from './values.ts'

/** Whether two values can be compared, as Go sees it: of one kind, and not a list or a map. */
export function areComparable(a: TemplateValue, b: TemplateValue): boolean {
  return typeof a === typeof b && typeof a !== 'object'
}

/** Negative, 0 or positive, as the first value is less than the second, equal or greater. Throws a sentence for others. */
export function compareValues(a: TemplateValue, b: TemplateValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') {
    if (a === b) return 0
    return a < b ? -1 : 1
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  throw new WrongArgument(`${typeOf(a)} cannot be compared with ${typeOf(b)}`)
}

/** Whether two values are the same. Throws a sentence where they are of different kinds. */
export function areEqual(a: TemplateValue, b: TemplateValue): boolean {
  const [isNilA, isNilB] = [a ?? null, b ?? null].map((value) => value === null)
  if (isNilA || isNilB) return isNilA === isNilB
  if (!areComparable(a, b)) {
    throw new WrongArgument(`${typeOf(a)} cannot be compared with ${typeOf(b)}`)
  }
  return a === b
}

/** What is wrong with an argument of a function, as a clause; whoever knows the place makes an error of it. */
export class WrongArgument extends Error {}
