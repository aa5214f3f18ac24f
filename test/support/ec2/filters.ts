import { ApiError } from './api-error.ts'
import type { Form } from './form.ts'
import type { Tags } from './resources.ts'

const VALUES_MAX = 200

/** What a filter looks at: its values, any of which may match. */
export type Facts = Readonly<Record<string, readonly (string | undefined)[]>>

/** Keeps what fits all filters of the request: of the values of one filter any, with `*`, `?` and `\` as patterns. */
export function filtered<T extends object>(
  form: Form,
  things: readonly T[],
  factsOf: (thing: T) => Facts,
): T[] {
  const filters = form.forms('Filter').map((one) => ({
    name: one.text('Name') ?? '',
    values: one.texts('Value'),
  }))
  for (const { values } of filters)
    if (values.length > VALUES_MAX)
      throw new ApiError(
        'FilterLimitExceeded',
        `The maximum number of filter values specified on a single call is ${VALUES_MAX}`,
      )
  return things.filter((thing) =>
    filters.every(({ name, values }) => fits(name, values, thing, factsOf)),
  )
}

/** Whether the request asks by tags, which lag more. */
export function asksByTag(form: Form): boolean {
  return form.forms('Filter').some((one) => /^tag(-key)?(:|$)/.test(one.text('Name') ?? ''))
}

function fits<T extends object>(
  name: string,
  values: readonly string[],
  thing: T,
  factsOf: (thing: T) => Facts,
): boolean {
  const patterns = values.map(pattern)
  return actual().some((one) => one !== undefined && patterns.some((wanted) => wanted.test(one)))

  function actual(): readonly (string | undefined)[] {
    const tags: Tags = 'tags' in thing ? (thing.tags as Tags) : {}
    if (name.startsWith('tag:')) return [tags[name.slice(4)]]
    if (name === 'tag-key') return Object.keys(tags)
    const facts = factsOf(thing)[name]
    if (facts === undefined)
      throw new ApiError('InvalidParameterValue', `The filter '${name}' is invalid`)
    return facts
  }
}

function pattern(value: string): RegExp {
  const source = value.replace(/\\[\s\S]|[\s\S]/g, (part) => {
    if (part === '*') return '[\\s\\S]*'
    if (part === '?') return '[\\s\\S]'
    const literal = part.length === 2 ? part.slice(1) : part
    return literal.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
  })
  return new RegExp(`^${source}$`)
}
