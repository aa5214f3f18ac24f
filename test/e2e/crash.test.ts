import { describe, expect, test } from 'vitest'
import { type Crash, type CrashPoint, crashRun } from '../support/crash-run.ts'

/** Runs that are under way at once; each has a machine, a server and a home of its own. */
const concurrency = 4
/** How long the points are tried that only repeat what another point of the same text has shown. */
const repeatsMs = Number(process.env['CRASH_REPEATS_SECONDS'] ?? 40) * 1000

describe.each(['ext4', 'xfs', 'btrfs'])('a crash with %s', (fsType) => {
  test('of the server and all that it started loses nothing, wherever it comes', async () => {
    const { points } = await crashRun(fsType, { kind: 'none' })
    await tryAll(`${fsType}, server and its tools`, points, (number) =>
      crashRun(fsType, { kind: 'point', number, mode: 'tree' }),
    )
  }, 300_000)

  test('of the server alone loses nothing, while the tools it started go on', async () => {
    const { points } = await crashRun(fsType, { kind: 'none' })
    // Where no tool runs, there is no difference to the crash above.
    const busy = points.filter(({ children }) => children > 0)
    await tryAll(`${fsType}, server alone`, busy, (number) =>
      crashRun(fsType, { kind: 'point', number, mode: 'alone' }),
    )
  }, 300_000)

  test('inside mkfs loses nothing, whether mkfs dies too or outlives the server', async () => {
    const { mkfsWrites } = await crashRun(fsType, { kind: 'none' })
    expect(mkfsWrites).toBeGreaterThan(10)
    const writes = [1, 3, 10, 40, mkfsWrites].filter((write) => write <= mkfsWrites)
    const crashes = writes.flatMap((write): Crash[] => [
      { kind: 'mkfs-killed', write },
      { kind: 'mkfs-outlives', write },
    ])
    console.log(`${fsType}, mkfs: ${mkfsWrites} writes, ${crashes.length} crashes`)
    const failures: string[] = []
    await inParallel(crashes, async (crash) => {
      const failure = await failureOf(() => crashRun(fsType, crash))
      if (failure !== undefined) failures.push(`${JSON.stringify(crash)}: ${failure}`)
    })
    expect(failures).toEqual([])
  }, 300_000)
})

/** Tries every point whose text no other has, and then the others for as long as the time lasts. */
async function tryAll(
  title: string,
  points: readonly CrashPoint[],
  crashAt: (number: number) => Promise<{ readonly crashed: boolean }>,
): Promise<void> {
  const seen = new Set<string>()
  const first = points.filter(({ what }) => seen.size < seen.add(kindOf(what)).size)
  const repeats = points.filter((point) => !first.includes(point))
  const failures: string[] = []
  let tried = 0
  let notReached = 0
  const attempt = async ({ number, what }: CrashPoint) => {
    tried += 1
    const failure = await failureOf(async () => {
      const { crashed } = await crashAt(number)
      if (!crashed) notReached += 1
    })
    if (failure !== undefined) failures.push(`point ${number} (${what}): ${failure}`)
  }
  await inParallel(first, attempt)
  const deadline = performance.now() + repeatsMs
  await inParallel(shuffled(repeats), async (point) => {
    if (performance.now() < deadline) await attempt(point)
  })
  console.log(
    `${title}: ${points.length} points of ${first.length} kinds, ${tried} tried, ${notReached} not reached`,
  )
  expect(failures).toEqual([])
}

/** What a point is about, without the numbers that differ from run to run. */
function kindOf(what: string): string {
  return what.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\d+/g, '#')
}

async function failureOf(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

/** In an order that reaches every part of the life early: by multiples of the golden ratio. */
function shuffled<T>(items: readonly T[]): T[] {
  const order = items.map((item, index) => ({ item, rank: (index * 0.618_033_988_7) % 1 }))
  return order.sort((a, b) => a.rank - b.rank).map(({ item }) => item)
}
