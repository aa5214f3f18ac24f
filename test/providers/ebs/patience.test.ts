import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AbortedError } from '../../../src/libstorage/errors.ts'
import { askUntil, type Patience } from '../../../src/providers/ebs/patience.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const PACE = { nextMs: 10, maxMs: 40 }
const TEMPO = { timeoutMs: 1_000, pace: 1 }

/** When something was looked at that takes so long to be looked at, and shows what was there when the look began. */
async function looks(
  { tookMs = 0, shownAfterMs = Number.POSITIVE_INFINITY },
  patience: Patience<object | undefined> = PACE,
  tempo = TEMPO,
) {
  const begun = performance.now()
  const at: number[] = []
  const look = async () => {
    at.push(performance.now() - begun)
    const isThere = performance.now() - begun >= shownAfterMs
    if (tookMs > 0) await new Promise((resolve) => setTimeout(resolve, tookMs))
    return isThere ? { id: 'vol-1' } : undefined
  }
  const asked = askUntil(look, patience, tempo, undefined)
  await vi.advanceTimersByTimeAsync(10_000)
  return { at, found: await asked }
}

describe('what may show late', () => {
  test.each([1, 300, 900])(
    'is found by looks of %i ms if it shows in that time',
    async (tookMs) => {
      const { found } = await looks({ tookMs, shownAfterMs: 990 })
      expect(found).toEqual({ id: 'vol-1' })
    },
  )

  test('is looked at once where there is no time', async () => {
    expect((await looks({}, { ...PACE, forMs: 0 })).at).toEqual([0])
  })

  test('is looked at after pauses that grow up to the longest, all shorter on a faster platform', async () => {
    const patience = { firstMs: 40, nextMs: 80, maxMs: 160, forMs: 400 }
    expect(await looks({}, patience)).toEqual({ at: [40, 120, 240, 400], found: undefined })
    const { at } = await looks({}, patience, { ...TEMPO, pace: 0.5 })
    expect(at).toEqual([20, 60, 120, 200])
  })
})

test('what is refused for the moment is asked again, and the last refusal is the answer', async () => {
  const refusals = ['first', 'second', 'third', 'fourth']
  const patience = { ...PACE, until: (refusal?: string) => refusal === undefined }
  const ask = (forMs: number) =>
    askUntil(async () => refusals.shift(), { ...patience, forMs }, TEMPO, undefined)
  const givenUp = ask(5)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await givenUp).toBe('second')
  const accepted = ask(1_000)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await accepted).toBeUndefined()
  expect(refusals).toEqual([])
})

test('nobody is asked any more when the caller goes away', async () => {
  const leaving = new AbortController()
  const ask = vi.fn(async () => undefined)
  const asked = expect(askUntil(ask, PACE, TEMPO, leaving.signal)).rejects.toThrow(AbortedError)
  await vi.advanceTimersByTimeAsync(5)
  leaving.abort()
  await asked
  await vi.advanceTimersByTimeAsync(1_000)
  expect(ask).toHaveBeenCalledOnce()
})
