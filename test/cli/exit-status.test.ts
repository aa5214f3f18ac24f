import { expect, test } from 'vitest'
import { exitStatusOf } from '../../src/cli/exit-status.ts'
import {
  AbortedError,
  AlreadyExistsError,
  FailedPreconditionError,
  InvalidArgumentError,
  NotFoundError,
  PermissionDeniedError,
  ResourceExhaustedError,
  TimeoutError,
  UnavailableError,
  UnsupportedError,
} from '../../src/libstorage/errors.ts'

const facts = { subject: 'it', problem: 'fails' }

test.each([
  [new InvalidArgumentError(facts), 1],
  [new NotFoundError('it'), 1],
  [new AlreadyExistsError(facts), 1],
  [new FailedPreconditionError(facts), 1],
  [new ResourceExhaustedError(facts), 1],
  [new PermissionDeniedError(facts), 1],
  [new UnavailableError(facts), 1],
  [new TimeoutError(facts), 1],
  [new AbortedError(facts), 130],
  [new UnsupportedError(facts), 1],
  [new TypeError('a bug'), 1],
  ['not even an error', 1],
])('%s ends the program with %i', (error, status) => {
  expect(exitStatusOf(error)).toBe(status)
})
