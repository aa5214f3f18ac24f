import { expect, test } from 'vitest'
import { mayBeginTogether, SINCE_UNTOLD } from '../../src/libstorage/attachment-time.ts'

const ONE = '2024-05-01T12:00:00.000Z'
const OTHER = '2024-05-01T12:30:00.000Z'
const UNTOLD = SINCE_UNTOLD.toISOString()

test.each([
  [ONE, ONE, true],
  [ONE, OTHER, false],
  [ONE, UNTOLD, true],
  [UNTOLD, OTHER, true],
])('attachments of %s and %s may be one: %s', (one, other, may) => {
  expect(mayBeginTogether(one, other)).toBe(may)
})
