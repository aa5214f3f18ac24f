import { ApiError } from './api-error.ts'
import type { Form } from './form.ts'

/** One page of a list, and the token of the next one. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly nextToken: string | undefined
}

/** The page that a request asks for; without `MaxResults` all, as EC2 does. Ids and pages do not go together. */
export function pageOf<T>(form: Form, idList: string, all: readonly T[], most: number): Page<T> {
  const size = form.number('MaxResults')
  if (size === undefined) return { items: all, nextToken: undefined }
  if (form.texts(idList).length > 0)
    throw new ApiError(
      'InvalidParameterCombination',
      `The parameter ${idList} cannot be used with the parameter maxResults`,
    )
  if (size < 5 || size > most)
    throw new ApiError(
      'InvalidParameterValue',
      `Value ( ${size} ) for parameter maxResults is invalid. Expecting a value between 5 and ${most}.`,
    )
  const start = startOf(form.text('NextToken'))
  const end = start + size
  return {
    items: all.slice(start, end),
    nextToken: end < all.length ? Buffer.from(`page:${end}`).toString('base64') : undefined,
  }
}

function startOf(token: string | undefined): number {
  if (token === undefined || token === '') return 0
  const found = /^page:(\d+)$/.exec(Buffer.from(token, 'base64').toString())?.[1]
  if (found !== undefined) return Number(found)
  throw new ApiError('InvalidParameterValue', 'Unable to parse pagination token')
}
