/** What a template works with; undefined is what a map does not have. */
export type TemplateValue =
  | undefined
  | null
  | boolean
  | number
  | string
  | readonly TemplateValue[]
  | ReadonlyMap<string, TemplateValue>
  | TemplateObject

/** A thing whose fields are known: any other one is a mistake in the template. */
export class TemplateObject {
  /** What it is, with its article: `a volume`. */
  readonly what: string
  /** By the names that Go has for them: `ID`, `AvailabilityZone`. */
  readonly fields: Readonly<Record<string, TemplateValue>>
  /** What `json` makes of it. */
  readonly json: unknown

  constructor(what: string, fields: Readonly<Record<string, TemplateValue>>, json: unknown) {
    this.what = what
    this.fields = fields
    this.json = json
  }
}

/** Tells a list from what else is an object. */
export function isList(value: TemplateValue): value is readonly TemplateValue[] {
  return Array.isArray(value)
}

/** Tells a map from what else is an object. */
export function isMap(value: TemplateValue): value is ReadonlyMap<string, TemplateValue> {
  return value instanceof Map
}

/** Go's truth: everything but false, 0, nil and what is empty. */
export function isTrue(value: TemplateValue): boolean {
  if (isList(value)) return value.length > 0
  if (isMap(value)) return value.size > 0
  return Boolean(value)
}

/** What Go calls the type, in messages and in what printf makes of a wrong argument. */
export function typeOf(value: TemplateValue): string {
  if (value === null || value === undefined) return '<nil>'
  if (isList(value)) return 'list'
  if (isMap(value)) return 'map'
  if (value instanceof TemplateObject) return value.what
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64'
  return typeof value === 'boolean' ? 'bool' : 'string'
}

/** The text of a value as Go prints it: `[a b]`, `map[k:v]`, `{a b}`. */
export function textOf(value: TemplateValue): string {
  if (value === undefined) return '<no value>'
  if (value === null) return '<nil>'
  if (isList(value)) return `[${value.map(textOf).join(' ')}]`
  if (isMap(value)) {
    const entries = sortedEntries(value).map(([key, one]) => `${key}:${textOf(one)}`)
    return `map[${entries.join(' ')}]`
  }
  if (value instanceof TemplateObject) {
    return `{${Object.values(value.fields).map(textOf).join(' ')}}`
  }
  return String(value)
}

/** What a map holds, in the order of its keys, as Go goes through it. */
export function sortedEntries(
  map: ReadonlyMap<string, TemplateValue>,
): readonly (readonly [string, TemplateValue])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** What JSON makes of a value. */
export function jsonOf(value: TemplateValue): unknown {
  if (value === undefined) return null
  if (isList(value)) return value.map(jsonOf)
  if (isMap(value)) {
    return Object.fromEntries(sortedEntries(value).map(([key, one]) => [key, jsonOf(one)]))
  }
  return value instanceof TemplateObject ? value.json : value
}
