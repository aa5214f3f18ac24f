import { fits } from './patterns.ts'

type Comparison = (wanted: string, actual: string) => boolean

const same: Comparison = (wanted, actual) => wanted === actual

/** The operators that policies for EC2 use; those that begin with Not are the others turned round. */
const COMPARISONS: Readonly<Record<string, Comparison>> = {
  StringEquals: same,
  StringEqualsIgnoreCase: (wanted, actual) => wanted.toLowerCase() === actual.toLowerCase(),
  StringLike: fits,
  ArnEquals: fits,
  ArnLike: fits,
  Bool: (wanted, actual) => wanted.toLowerCase() === actual.toLowerCase(),
}

/** Whether one condition holds (IAM User Guide, "Condition operators"); `actual` is undefined where the request has no such key. */
export function holds(
  operator: string,
  wanted: readonly string[],
  actual: readonly string[] | undefined,
): boolean {
  if (operator === 'Null') return wanted.includes(String(actual === undefined))
  const { quantifier, name, ifExists } = parts(operator)
  const isTurned = name.includes('Not')
  const compare = COMPARISONS[name.replace('Not', '')]
  if (compare === undefined) throw new Error(`no such condition operator: ${operator}`)
  const isOne = (value: string) => wanted.some((one) => compare(one, value)) !== isTurned
  if (quantifier === 'ForAllValues') return (actual ?? []).every(isOne)
  if (actual === undefined) return ifExists || (isTurned && quantifier === undefined)
  // Without a quantifier a key has one value; NotEquals holds where none of the wanted ones is it.
  return actual.some(isOne)
}

function parts(operator: string): {
  quantifier?: string | undefined
  name: string
  ifExists: boolean
} {
  const match = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(operator)
  return {
    quantifier: match?.[1],
    name: match?.[2] ?? operator,
    ifExists: match?.[3] !== undefined,
  }
}
