import { expect, test } from 'vitest'
import { clockCheck } from '../../../src/doctor/machine/clock.ts'
import { run } from '../../../src/libstorage/run.ts'

test('a clock that says that this program was not yet made is wrong', async () => {
  const check = clockCheck({ run, now: () => new Date(0) })

  expect(await check.run(new AbortController().signal)).toMatchObject([
    { verdict: 'fail', seen: expect.stringContaining('1970-01-01T00:00:00') },
  ])
})
