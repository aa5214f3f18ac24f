import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PlatformClock } from '../../../src/providers/ebs/platform-clock.ts'

/** A moment whose seconds are full. */
const AT = Date.UTC(2026, 0, 1)

let clock: PlatformClock
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: AT })
  clock = new PlatformClock()
})
afterEach(() => void vi.useRealTimers())

/** An answer that took so long, from an EC2 that is so far ahead, in milliseconds; its `Date` has whole seconds. */
function hear(aheadMs: number, tookMs = 20): void {
  const askedAt = Date.now()
  vi.setSystemTime(askedAt + tookMs)
  const given = askedAt + tookMs / 2 + aheadMs
  clock.heard(Math.floor(given / 1_000) * 1_000, tookMs)
}
const errorMs = (aheadMs: number) => clock.now() - (Date.now() + aheadMs)

test("is this machine's before any answer, and where no answer is against that", () => {
  expect(clock.now()).toBe(AT)
  for (const pauseMs of [0, 130, 470, 990]) {
    vi.setSystemTime(Date.now() + pauseMs)
    hear(0)
    expect(errorMs(0)).toBe(0)
  }
})

test.each([-3 * 3_600_000, -1_500, -900, 900, 1_500, 3 * 3_600_000])(
  'is known within a second after one answer where it is %i ms ahead, and better after more',
  (aheadMs) => {
    vi.setSystemTime(AT + 345)
    hear(aheadMs)
    expect(Math.abs(errorMs(aheadMs))).toBeLessThanOrEqual(1_020)
    for (let answer = 0; answer < 20; answer += 1) {
      vi.setSystemTime(Date.now() + 153)
      hear(aheadMs)
    }
    expect(Math.abs(errorMs(aheadMs))).toBeLessThanOrEqual(200)
  },
)

test('follows a clock that is set', () => {
  hear(20_000)
  hear(0)
  expect(Math.abs(errorMs(0))).toBeLessThanOrEqual(1_020)
})

test('calls nothing older than it surely is', () => {
  expect(clock.pastAtLeast(AT - 60_000)).toBe(0)
  vi.setSystemTime(AT + 700)
  hear(-1_500)
  const madeAt = Date.now() - 1_500 - 10_000
  expect(clock.pastAtLeast(madeAt)).toBeLessThanOrEqual(10_000)
  expect(clock.pastAtLeast(madeAt)).toBeGreaterThan(8_900)
  expect(clock.pastAtLeast(Date.now() + 5_000)).toBe(0)
})

test.each([-600_000, -40_000, 40_000, 600_000])(
  'is known where the clock of this machine is set by %i ms while an answer is on its way',
  (jumpMs) => {
    for (const pauseMs of [0, 130, 470]) {
      vi.setSystemTime(Date.now() + pauseMs)
      hear(0)
    }
    const given = Date.now() + 10
    vi.setSystemTime(Date.now() + 20 + jumpMs)
    clock.heard(Math.floor(given / 1_000) * 1_000, 20)
    expect(Math.abs(errorMs(-jumpMs))).toBeLessThanOrEqual(1_020)
  },
)
