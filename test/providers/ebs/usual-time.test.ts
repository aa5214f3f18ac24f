import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { askUntil } from '../../../src/providers/ebs/patience.ts'
import { UsualTime } from '../../../src/providers/ebs/usual-time.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const PACE = { firstMs: 10, nextMs: 5, maxMs: 1_000 }
/** In the proportions of a detach. */
const EVEN = { firstMs: 15, nextMs: 25, maxMs: 250 }

/** Looks at something that is there after so many milliseconds; resolves with how often. */
async function looks(usual: UsualTime, readyMs: number, pace = PACE): Promise<number> {
  const begun = performance.now()
  let count = 0
  const seen = askUntil(
    async () => {
      count += 1
      return performance.now() - begun >= readyMs ? true : undefined
    },
    { ...pace, usual },
    { timeoutMs: 60_000, pace: 1 },
    undefined,
  )
  await vi.advanceTimersByTimeAsync(3_000)
  await seen
  return count
}

describe('what takes longer than thought', () => {
  test('is looked at once from the second time on', async () => {
    const usual = new UsualTime()
    expect(await looks(usual, 100)).toBe(7)
    expect(await looks(usual, 100)).toBe(1)
  })

  test('is looked at no later than the longest pause, and no earlier than the first', () => {
    const usual = new UsualTime()
    expect(usual.firstLook(10, 1_000)).toBe(10)
    usual.learn({ firstMs: 10, seenMs: 60_000, stepMs: 5 })
    expect(usual.firstLook(10, 1_000)).toBe(1_000)
  })

  test('and then becomes quick is looked at earlier again', () => {
    const usual = new UsualTime()
    usual.learn({ firstMs: 10, seenMs: 900, stepMs: 5 })
    for (let changes = 0; changes < 100; changes += 1) hit(usual, 5)
    expect(usual.firstLook(10, 1_000)).toBeLessThan(100)
  })
})

/** A change that was there at the first look. */
function hit(usual: UsualTime, stepMs: number): void {
  const firstMs = usual.firstLook(10, 60_000)
  usual.learn({ firstMs, seenMs: firstMs, stepMs })
}

describe('what takes the same time again and again', () => {
  test.each([90, 100, 110, 130, 200])(
    'as %i ms is looked at once in nine of ten times, and no later than one pause after it is there',
    async (readyMs) => {
      const usual = new UsualTime()
      for (let teaching = 0; teaching < 5; teaching += 1) await looks(usual, readyMs, EVEN)
      let extra = 0
      for (let changes = 0; changes < 100; changes += 1) {
        extra += (await looks(usual, readyMs, EVEN)) - 1
        const late = usual.firstLook(EVEN.firstMs, EVEN.maxMs) - readyMs
        expect(late).toBeLessThanOrEqual(EVEN.nextMs)
      }
      expect(extra).toBeLessThanOrEqual(10)
    },
  )

  test('is not looked at later because of one that took far longer', async () => {
    const usual = new UsualTime()
    for (let teaching = 0; teaching < 5; teaching += 1) await looks(usual, 100, EVEN)
    await looks(usual, 900, EVEN)
    expect(usual.firstLook(EVEN.firstMs, EVEN.maxMs)).toBeLessThanOrEqual(100 + 2 * EVEN.nextMs)
  })

  test('counts once where twenty ran at the same time', async () => {
    const usual = new UsualTime()
    await looks(usual, 100, EVEN)
    const [firstMs, stepMs] = [usual.firstLook(EVEN.firstMs, EVEN.maxMs), EVEN.nextMs]
    for (let at = 0; at < 20; at += 1) usual.learn({ firstMs, seenMs: firstMs + stepMs, stepMs })
    expect(usual.firstLook(EVEN.firstMs, EVEN.maxMs)).toBeLessThanOrEqual(firstMs + stepMs)
    for (let at = 0; at < 20; at += 1) usual.learn({ firstMs, seenMs: firstMs, stepMs })
    expect(usual.firstLook(EVEN.firstMs, EVEN.maxMs)).toBeGreaterThan(firstMs * 0.8)
  })
})
