import { expect, test } from 'vitest'
import { type CheckGroup, examine } from '../../src/doctor/examine.ts'
import type { Check, Verdict } from '../../src/libstorage/check.ts'
import { FailedPreconditionError } from '../../src/libstorage/errors.ts'

const found = (id: string, verdict: Verdict = 'pass', after: readonly string[] = []): Check => ({
  id,
  title: `title of ${id}`,
  after,
  run: async () => [{ verdict, seen: `${id} was seen` }],
})

const hanging = (id: string): Check => ({ ...found(id), run: () => new Promise(() => {}) })

const throwing = (error: unknown): Check => ({
  ...found('a'),
  run: () => Promise.reject(error),
})

const of = (...checks: readonly Check[]): CheckGroup[] => [{ checks }]
const seenBy = async (groups: readonly CheckGroup[]) =>
  (await examine(groups, { eachMs: 30, allMs: 60 })).map(
    ({ id, findings: [first] }) => `${id} ${first?.verdict}: ${first?.seen}`,
  )

test('results come in the order of the checks, each with its findings', async () => {
  expect(
    await examine([...of(found('a')), { service: 'db', checks: [found('b', 'warn')] }]),
  ).toEqual([
    { id: 'a', title: 'title of a', findings: [{ verdict: 'pass', seen: 'a was seen' }] },
    {
      id: 'b',
      title: 'title of b',
      service: 'db',
      findings: [{ verdict: 'warn', seen: 'b was seen' }],
    },
  ])
})

test('a check is skipped where one failed that it comes after, and so is what comes after that', async () => {
  const chain = of(found('a', 'fail'), found('b', 'pass', ['a']), found('c', 'pass', ['b']))
  expect(await seenBy(chain)).toEqual([
    'a fail: a was seen',
    'b skip: not looked at, because a failed',
    'c skip: not looked at, because a failed',
  ])
})

test('a warning keeps nothing from being looked at', async () => {
  expect((await seenBy(of(found('a', 'warn'), found('b', 'pass', ['a']))))[1]).toBe(
    'b pass: b was seen',
  )
})

test('what failed for one service hides nothing of another, and what failed of the machine does of both', async () => {
  const service = (name: string, verdict: Verdict): CheckGroup => ({
    service: name,
    checks: [found('x.a', verdict), found('x.b', 'pass', ['x.a', 'machine.a'])],
  })
  const both = [service('one', 'fail'), service('two', 'pass')]
  const verdicts = async (machine: Verdict) =>
    (await examine([...of(found('machine.a', machine)), ...both])).map(
      ({ findings }) => findings[0]?.verdict,
    )
  expect(await verdicts('pass')).toEqual(['pass', 'fail', 'skip', 'pass', 'pass'])
  expect(await verdicts('fail')).toEqual(['fail', 'fail', 'skip', 'pass', 'skip'])
})

test('one that hangs fails, and hides what comes after it', async () => {
  const after = found('b', 'pass', ['a'])
  expect(await seenBy(of(hanging('a'), after, found('c')))).toEqual([
    'a fail: title of a: no answer within 30 ms',
    'b skip: not looked at, because a failed',
    'c pass: c was seen',
  ])
})

test('checks that come after each other share the time there is', async () => {
  const slow: Check = {
    ...found('a'),
    run: async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      return [{ verdict: 'warn', seen: 'a was slow' }]
    },
  }
  const results = await examine(of(slow, hanging('b')), { eachMs: 60_000, allMs: 20 })
  expect(results.map(({ findings }) => findings[0]?.verdict)).toEqual(['fail', 'fail'])
})

test('what a check rejects with is its failure', async () => {
  const error = new FailedPreconditionError({ subject: 'a thing', problem: 'is so' })
  expect(await seenBy(of(throwing(error)))).toEqual(['a fail: a thing is so'])
  expect(await seenBy(of(throwing(new TypeError('no such'))))).toEqual([
    'a fail: this check failed by a bug of this program: TypeError: no such',
  ])
})

test('a check that has nothing to say passed', async () => {
  expect(await seenBy(of({ ...found('a'), run: async () => [] }))).toEqual(['a pass: title of a'])
})

test('a caller that goes away ends it', async () => {
  const leaving = new AbortController()
  const examined = examine(of(hanging('a')), undefined, leaving.signal)
  leaving.abort()
  await expect(examined).rejects.toMatchObject({ code: 'ERR_ABORTED' })
})
