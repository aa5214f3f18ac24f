import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { lookUntil, UsualTime } from '../../../src/providers/ebs/waits.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const PACE = { firstMs: 10, nextMs: 5, maxMs: 1_000 }

/** Looks at something that is there after so many milliseconds; resolves with how often. */
async function looks(usual: UsualTime, readyMs: number): Promise<number> {
  const begun = performance.now()
  let count = 0
  const seen = lookUntil(
    async () => {
      count += 1
      return performance.now() - begun >= readyMs ? true : undefined
    },
    PACE,
    { timeoutMs: 60_000, pace: 1, usual },
    undefined,
  )
  await vi.advanceTimersByTimeAsync(1_000)
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
    usual.learn(60_000, false)
    expect(usual.firstLook(10, 1_000)).toBe(1_000)
  })

  test('and then becomes quick is looked at earlier again', () => {
    const usual = new UsualTime()
    usual.learn(900, false)
    for (let changes = 0; changes < 100; changes += 1) usual.learn(900, true)
    expect(usual.firstLook(10, 1_000)).toBeLessThan(200)
  })
})
