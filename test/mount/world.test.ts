import { describe, expect, test } from 'vitest'
import type { Faults } from '../support/world/faults.ts'
import type { History } from '../support/world/history.ts'
import { play } from '../support/world/play.ts'
import { POLICIES, search } from '../support/world/search.ts'

/** Fixed, so that a run is the same everywhere. */
const SEED = 2
/** Another one in every run; `SEED=…` repeats that of a finding, and `make soak` tries many. */
const FRESH_SEED = Number(process.env['SEED'] || Date.now() % 1_000_000_000)
/** How long histories of fresh seeds are tried, in milliseconds, and how many of each seed. */
const FRESH_MS = 10_000
const FRESH_RUNS = 25
const RUNS = 300
/** Until a fault is noticed; most are within the first hundred. */
const FAULT_RUNS = 1_000

test('whatever befalls machines, servers and the platform, no promise about a volume is broken', async () => {
  const finding = await search({ policies: POLICIES, runs: RUNS, seed: SEED })
  expect(finding?.report).toBeUndefined()
}, 240_000)

test(`nor in histories that nobody has tried before, from seed ${FRESH_SEED} on`, async () => {
  const until = performance.now() + FRESH_MS
  for (let seed = FRESH_SEED; performance.now() < until; seed += 1) {
    const finding = await search({ policies: POLICIES, runs: FRESH_RUNS, seed })
    expect(finding?.report, `SEED=${seed}`).toBeUndefined()
  }
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
    ['a growth that does nothing', { growsNothing: true }, /1 of its \d GiB in use at the end/],
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

describe('a growth that dies with its machine', () => {
  const STEP_MS = 200
  const LAST_MS = 6_000
  const onOne = { m: 0, volume: 'data' }
  const historyOf = (thenMs: number): History => ({
    ...{ policy: false, machines: 1, lagMs: 0, pulls: false, ignoresUsedCount: false, seed: 1 },
    steps: [
      { action: { act: 'run', ...onOne }, thenMs: 20_000 },
      { action: { act: 'stop', ...onOne }, thenMs: 15_000 },
      { action: { act: 'grow', ...onOne }, thenMs: 5_000 },
      { action: { act: 'run', ...onOne }, thenMs },
      { action: { act: 'reboot', m: 0, ms: 1_000 }, thenMs: 5_000 },
    ],
  })
  const lived = async (faults: Faults) => {
    const violations: (string | undefined)[] = []
    for (let ms = STEP_MS; ms <= LAST_MS; ms += STEP_MS)
      violations.push((await play(historyOf(ms), faults)).violation)
    return violations.filter((violation) => violation !== undefined)
  }

  test('leaves a file system that is checked before it is mounted, and grown in the end', async () => {
    expect(await lived({})).toEqual([])
  })

  test('is noticed where no check looks closely', async () => {
    expect(await lived({ checksAreQuick: true })).toContainEqual(
      expect.stringContaining('whose growth was cut short'),
    )
  })
})

test('the same history is lived through in the same way', async () => {
  const faults = { everythingLooksBlank: true }
  const [once, again] = [
    await search({ policies: POLICIES, runs: RUNS, seed: SEED, faults }),
    await search({ policies: POLICIES, runs: RUNS, seed: SEED, faults }),
  ]
  expect(once?.report).toBe(again?.report)
})
