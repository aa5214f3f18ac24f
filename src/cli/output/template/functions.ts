import { areEqual, compareValues, WrongArgument } from './compare.ts'
import { htmlEscaped, jsEscaped, queryEscaped } from './escapes.ts'
import { sprintf } from './printf.ts'
import { followPath, sorted, where } from './sequences.ts'
import { isList, isMap, isTrue, jsonOf, type TemplateValue, textOf, typeOf } from './values.ts'

/** A function of templates. Throws `WrongArgument` for what it cannot work with. */
export interface TemplateFunction {
  readonly least: number
  readonly most: number
  call(args: readonly TemplateValue[]): TemplateValue
}

function fixed(count: number, call: TemplateFunction['call']): TemplateFunction {
  return { least: count, most: count, call }
}

function open(least: number, call: TemplateFunction['call']): TemplateFunction {
  return { least, most: Number.POSITIVE_INFINITY, call }
}

function comparison(holds: (order: number) => boolean): TemplateFunction {
  return fixed(2, ([a, b]) => holds(compareValues(a, b)))
}

/** Go's own functions, and REX-Ray's: `join`, `sort`, `where`, `json`, `jsonp`. `and` and `or` are the evaluator's. */
export const templateFunctions: ReadonlyMap<string, TemplateFunction> = new Map(
  Object.entries({
    eq: open(2, ([a, ...others]) => others.some((other) => areEqual(a, other))),
    ge: comparison((order) => order >= 0),
    gt: comparison((order) => order > 0),
    html: open(0, (values) => htmlEscaped(printed(values))),
    index: open(1, ([value, ...keys]) => keys.reduce(indexed, value)),
    join: fixed(2, joined),
    js: open(0, (values) => jsEscaped(printed(values))),
    json: fixed(1, ([value]) => JSON.stringify(jsonOf(value))),
    jsonp: fixed(1, ([value]) => JSON.stringify(jsonOf(value), null, 2)),
    le: comparison((order) => order <= 0),
    len: fixed(1, ([value]) => lengthOf(value)),
    lt: comparison((order) => order < 0),
    ne: fixed(2, ([a, b]) => !areEqual(a, b)),
    not: fixed(1, ([value]) => !isTrue(value)),
    print: open(0, (values) => printed(values)),
    printf: open(1, ([format, ...values]) => sprintf(asText(format), values)),
    println: open(0, (values) => `${values.map(textOf).join(' ')}\n`),
    slice: { least: 1, most: 3, call: sliced },
    sort: { least: 1, most: 3, call: ([list, key, order]) => sorted(list, key, order) },
    urlquery: open(0, (values) => queryEscaped(printed(values))),
    where: { least: 3, most: 4, call: (args) => where(args) },
  }),
)

/** Go's Sprint: a space between two values of which neither is a text. */
function printed(values: readonly TemplateValue[]): string {
  return values
    .map((value, index) => {
      const before = values[index - 1]
      const isApart = index > 0 && typeof value !== 'string' && typeof before !== 'string'
      return isApart ? ` ${textOf(value)}` : textOf(value)
    })
    .join('')
}

function indexed(value: TemplateValue, key: TemplateValue): TemplateValue {
  if (isMap(value)) return value.get(asText(key))
  if (!isList(value)) {
    if (typeof key === 'string') return followPath(value, key)
    throw new WrongArgument(`${typeOf(value)} has no elements`)
  }
  const at = typeof key === 'number' ? key : Number.NaN
  if (at >= 0 && at < value.length && Number.isInteger(at)) return value[at]
  throw new WrongArgument(`there is no element ${textOf(key)} in a list of ${value.length}`)
}

function lengthOf(value: TemplateValue): number {
  if (isList(value)) return value.length
  if (isMap(value)) return value.size
  if (typeof value === 'string') return Buffer.byteLength(value)
  throw new WrongArgument(`${typeOf(value)} has no length`)
}

function sliced([value, from = 0, to]: readonly TemplateValue[]): TemplateValue {
  const isSliceable = isList(value) || typeof value === 'string'
  if (!isSliceable) throw new WrongArgument(`${typeOf(value)} cannot be sliced`)
  const end = to ?? value.length
  if (typeof from === 'number' && typeof end === 'number' && 0 <= from && from <= end) {
    if (end <= value.length) return value.slice(from, end)
  }
  throw new WrongArgument(`${textOf(from)} to ${textOf(end)} is not within ${value.length}`)
}

/** The separator stands last with REX-Ray, and first where the list comes through a pipe. */
function joined([a, b]: readonly TemplateValue[]): string {
  const [list, separator] = isList(a) ? [a, b] : [b, a]
  if (!isList(list)) throw new WrongArgument('there is no list to join')
  return list.map(textOf).join(asText(separator))
}

function asText(value: TemplateValue): string {
  if (typeof value === 'string') return value
  throw new WrongArgument(`${typeOf(value)} is no text`)
}
