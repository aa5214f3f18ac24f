import { expect, test } from 'vitest'
import { POLICIES, search } from '../support/world/search.ts'

const RUNS_OF_A_SEED = 500

/** `make soak MINUTES=10 SEED=1`: a finding tells the seed and the path with which it is found again. */
test('whatever befalls machines, servers and the platform, no promise about a volume is broken', async () => {
  const minutes = Number(process.env['MINUTES'] || 10)
  const first = Number(process.env['SEED'] || Date.now() % 1_000_000_000)
  const path = process.env['HISTORY']
  const until = performance.now() + minutes * 60_000
  let seed = first
  do {
    const again = path === undefined || path === '' ? {} : { path }
    const finding = await search({ policies: POLICIES, runs: RUNS_OF_A_SEED, seed, ...again })
    expect(finding?.report, `seed ${seed}`).toBeUndefined()
    seed += 1
  } while (performance.now() < until)
  console.log(
    `${(seed - first) * RUNS_OF_A_SEED} histories kept every promise, seeds ${first} to ${seed - 1}`,
  )
})
