import { describe, expect, test } from 'vitest'
import * as errors from '../../src/libstorage/errors.ts'

const facts = {
  subject: errors.volumeNamed('data'),
  problem: 'is attached to i-0abc',
  remedy: 'detach it there',
}

describe('an error for the user', () => {
  test.each([
    [errors.InvalidArgumentError, 'ERR_INVALID_ARGUMENT'],
    [errors.AlreadyExistsError, 'ERR_ALREADY_EXISTS'],
    [errors.FailedPreconditionError, 'ERR_FAILED_PRECONDITION'],
    [errors.ResourceExhaustedError, 'ERR_RESOURCE_EXHAUSTED'],
    [errors.PermissionDeniedError, 'ERR_PERMISSION_DENIED'],
    [errors.UnavailableError, 'ERR_UNAVAILABLE'],
    [errors.TimeoutError, 'ERR_TIMEOUT'],
    [errors.AbortedError, 'ERR_ABORTED'],
    [errors.UnsupportedError, 'ERR_UNSUPPORTED'],
  ])('says what, what is wrong and the way out, and has its code: %o', (Kind, code) => {
    const cause = new Error('beneath')
    const error = new Kind({ ...facts, cause })
    expect(error.message).toBe('volume "data" is attached to i-0abc, detach it there')
    expect(error).toMatchObject({ code, cause, name: Kind.name })
    expect(errors.isStorageError(error)).toBe(true)
  })

  test('ends after the problem where there is no way out', () => {
    const error = new errors.UnavailableError({ subject: 'EC2', problem: 'cannot be reached' })
    expect(error.message).toBe('EC2 cannot be reached')
  })

  test('that something does not exist needs no more than its name', () => {
    const cause = new Error('beneath')
    const error = new errors.NotFoundError(errors.volumeNamed('data'), cause)
    expect(error).toMatchObject({
      code: 'ERR_NOT_FOUND',
      message: 'volume "data" not found',
      cause,
    })
  })

  test('keeps to one line whatever the name of the volume is', () => {
    expect(errors.volumeNamed('a"b\n\u001b[31m')).toBe('volume "a\\"b\\n\\u001b[31m"')
  })
})

test('a bug is not an error for the user', () => {
  expect(errors.isStorageError(new TypeError('x is undefined'))).toBe(false)
  expect(errors.isStorageError({ code: 'ERR_NOT_FOUND' })).toBe(false)
})

test("the operating system's code is told where there is one", () => {
  expect(errors.systemCode(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe('ENOENT')
  expect(errors.systemCode(Object.assign(new Error('x'), { code: 7 }))).toBeUndefined()
  expect(errors.systemCode(new Error('x'))).toBeUndefined()
  expect(errors.systemCode({ code: 'ENOENT' })).toBeUndefined()
})

test('what came on the way is told from what is of this machine', () => {
  expect(errors.isNetworkError(Object.assign(new Error('x'), { code: 'EAI_AGAIN' }))).toBe(true)
  expect(errors.isNetworkError(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe(false)
  expect(errors.isNetworkError(new Error('ECONNREFUSED'))).toBe(false)
})
