import { describe, expect, test } from 'vitest'
import type { Faults } from '../support/world/faults.ts'
import { POLICIES, search } from '../support/world/search.ts'

/** Fixed, so that a run is the same everywhere; `make soak` tries others. */
const SEED = 2
const RUNS = 300
/** Until a fault is noticed; most are within the first hundred. */
const FAULT_RUNS = 1_000

test('whatever befalls machines, servers and the platform, no promise about a volume is broken', async () => {
  const finding = await search({ policies: POLICIES, runs: RUNS, seed: SEED })
  expect(finding?.report).toBeUndefined()
}, 120_000)

describe('a world notices', () => {
  const faults: readonly [string, Faults, RegExp][] = [
    [
      'a kernel whose exclusive open always succeeds',
      { exclusiveOpenSaysFree: true },
      /loses its mount|while it is held/,
    ],
    ['a driver that detaches from anybody', { detachTakesFromAnybody: true }, /loses it/],
    [
      'a ledger that forgets references at a restart',
      { ledgerForgetsReferences: true },
      /reference of .* is lost/,
    ],
    ['a ledger that is written later than it says', { ledgerIsLazy: true }, /keeps|lost|removed/],
    ['a blank test that finds everything blank', { everythingLooksBlank: true }, /formats over/],
    [
      'locks that exclude nobody',
      { locksExcludeNobody: true },
      /keeps|lost|removed|is held|is not mounted|bare directory/,
    ],
    [
      'a platform that attaches a volume twice',
      { attachesTwice: true },
      /another machine can write/,
    ],
    ['an unmount that does nothing', { unmountDoesNothing: true }, /keeps/],
  ]
  test.each(faults)(
    '%s',
    async (_name, broken, rule) => {
      const finding = await search({
        policies: POLICIES,
        runs: FAULT_RUNS,
        seed: SEED,
        faults: broken,
        isHasty: true,
      })
      expect(finding?.outcome.violation).toMatch(rule)
    },
    120_000,
  )
})

test('the same history is lived through in the same way', async () => {
  const faults = { everythingLooksBlank: true }
  const [once, again] = [
    await search({ policies: POLICIES, runs: RUNS, seed: SEED, faults }),
    await search({ policies: POLICIES, runs: RUNS, seed: SEED, faults }),
  ]
  expect(once?.report).toBe(again?.report)
})
