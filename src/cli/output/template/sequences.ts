import { areEqual, compareValues, WrongArgument } from './compare.ts'
import {
  isList,
  isMap,
  sortedEntries,
  TemplateObject,
  type TemplateValue,
  textOf,
  typeOf,
} from './values.ts'

type Test = (value: TemplateValue, wanted: TemplateValue) => boolean

const isIn: Test = (value, wanted) =>
  isList(wanted)
    ? wanted.some((one) => areEqual(value, one))
    : textOf(wanted).includes(textOf(value))

const TESTS: readonly (readonly [readonly string[], Test])[] = [
  [['', '=', '==', 'eq'], areEqual],
  [['!=', '<>', 'ne'], (a, b) => !areEqual(a, b)],
  [['>=', 'ge'], (a, b) => compareValues(a, b) >= 0],
  [['>', 'gt'], (a, b) => compareValues(a, b) > 0],
  [['<=', 'le'], (a, b) => compareValues(a, b) <= 0],
  [['<', 'lt'], (a, b) => compareValues(a, b) < 0],
  [['in'], isIn],
  [['not in'], (a, b) => !isIn(a, b)],
]

/** REX-Ray's `where LIST FIELD [OPERATOR] VALUE`: the elements whose field is so. */
export function where(args: readonly TemplateValue[]): TemplateValue {
  const [list, field, third, fourth] = args
  const [operator, wanted] = args.length === 4 ? [third, fourth] : ['', third]
  const test = TESTS.find(([names]) => names.some((name) => name === operator))?.[1]
  if (test === undefined) throw new WrongArgument(`${textOf(operator)} is no operator`)
  return elementsOf(list).filter((element) => test(followPath(element, textOf(field)), wanted))
}

/** REX-Ray's `sort LIST [FIELD [desc]]`. */
export function sorted(
  list: TemplateValue,
  field: TemplateValue = '',
  order: TemplateValue = 'asc',
): TemplateValue {
  const path = field === 'value' ? '' : textOf(field)
  const sign = order === 'desc' ? -1 : 1
  const keyed = elementsOf(list).map((element) => ({ element, key: followPath(element, path) }))
  return keyed.sort((a, b) => sign * compareValues(a.key, b.key)).map(({ element }) => element)
}

/** The value at the end of a path of fields, with or without its first dot. Throws `WrongArgument` where there is none. */
export function followPath(value: TemplateValue, path: string): TemplateValue {
  const names = path.replace(/^\./, '').split('.')
  return path === '' ? value : names.reduce((at: TemplateValue, name) => step(at, name), value)
}

function step(value: TemplateValue, name: string): TemplateValue {
  if (isMap(value)) return value.get(name)
  if (value instanceof TemplateObject && Object.hasOwn(value.fields, name))
    return value.fields[name]
  throw new WrongArgument(`${typeOf(value)} has no field ${name}`)
}

function elementsOf(value: TemplateValue): readonly TemplateValue[] {
  if (isList(value)) return value
  if (isMap(value)) return sortedEntries(value).map(([, element]) => element)
  throw new WrongArgument(`${typeOf(value)} is no list`)
}
