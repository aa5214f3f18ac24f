import { describe, expect, test } from 'vitest'
import { failureOf, inParallel, spread } from '../support/crash-trials.ts'
import { type Dying, takeOverRun } from '../support/take-over-run.ts'

/** Of each life at most so many crashes are tried, and for so long; never fewer than a few. */
const sample = 24
const limitMs = 15_000
const neverLeftOut = 6

describe.each(['ext4', 'xfs', 'btrfs'])('a take-over by force with %s', (fsType) => {
  test.each(['holder', 'winner'] as Dying[])(
    'in which the server of the %s dies loses nothing that was acknowledged, wherever it comes',
    async (who) => {
      const { points } = await takeOverRun(fsType, who)
      expect(points.length).toBeGreaterThan(10)
      const crashes = spread(points)
        .slice(0, sample)
        .map(({ number }) => ({
          number,
          mode: number % 2 ? ('tree' as const) : ('alone' as const),
        }))
      const failures: string[] = []
      const count = { tried: 0, crashed: 0, refused: 0 }
      const deadline = performance.now() + limitMs
      await inParallel(crashes, async (crash) => {
        if (performance.now() > deadline && count.tried >= neverLeftOut) return
        count.tried += 1
        const what = points[crash.number - 1]?.what
        const failure = await failureOf(async () => {
          const { crashed, refused } = await takeOverRun(fsType, who, crash)
          if (crashed) count.crashed += 1
          if (refused !== undefined) count.refused += 1
        })
        if (failure !== undefined) failures.push(`${JSON.stringify(crash)} (${what}): ${failure}`)
      })
      console.log(
        `${fsType}, ${who}: ${points.length} points, ${count.tried} tried, ${count.crashed} crashed, ` +
          `${count.refused} left half a file system that was refused`,
      )
      expect(failures).toEqual([])
      expect(count.crashed).toBeGreaterThan(count.tried / 2)
    },
    300_000,
  )

  test('of half a file system, whose mkfs died with the holder, is refused with what lies there', async () => {
    const { crashed, refused } = await takeOverRun(fsType, 'holder', { mkfsWrite: 40 })
    expect(crashed).toBe(true)
    expect(refused).toMatch(/it is never formatted over|repair it with xfs_repair/)
  })
})
