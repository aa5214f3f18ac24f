import { expect } from 'vitest'

/** Runs that are under way at once; each has machines, servers and homes of its own. */
const concurrency = 4
/** A machine that is slower than this leaves out points, and says how many; never one of the first, which lie all over a life. */
const LIMIT_MS = 240_000
const NEVER_LEFT_OUT = 24

/** What a trial failed with, as a text; undefined where it did not. */
export async function failureOf(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Works through all items, some at once. */
export async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items]
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

/** In an order that reaches every part of the life early: by multiples of the golden ratio. */
export function spread<T>(items: readonly T[]): T[] {
  const order = items.map((item, index) => ({ item, rank: (index * 0.618_033_988_7) % 1 }))
  return order.sort((a, b) => a.rank - b.rank).map(({ item }) => item)
}

/** Crashes at every point, and expects that nothing is ever lost or left. */
export async function tryAll<T extends { readonly what: string }>(
  title: string,
  points: readonly T[],
  crashAt: (point: T) => Promise<{ readonly crashed: boolean }>,
  { limitMs = LIMIT_MS, neverLeftOut = NEVER_LEFT_OUT } = {},
): Promise<void> {
  expect(points.length).toBeGreaterThan(0)
  const failures: string[] = []
  const count = { tried: 0, crashed: 0, leftOut: 0 }
  const deadline = performance.now() + limitMs
  await inParallel(spread(points), async (point) => {
    if (performance.now() > deadline && count.tried >= neverLeftOut) {
      count.leftOut += 1
      return
    }
    count.tried += 1
    const failure = await failureOf(async () => {
      const { crashed } = await crashAt(point)
      if (crashed) count.crashed += 1
    })
    if (failure !== undefined) failures.push(`${JSON.stringify(point)}: ${failure}`)
  })
  console.log(
    `${title}: ${points.length} points, ${count.tried} tried, ${count.crashed} crashed and came back, ` +
      `${count.leftOut} left out for time`,
  )
  expect(failures).toEqual([])
  expect(count.tried + count.leftOut).toBe(points.length)
  expect(count.tried).toBeGreaterThanOrEqual(Math.min(neverLeftOut, points.length))
  // A run may be over before a point of another run's: a tool that had to be asked twice was asked once.
  expect(count.crashed).toBeGreaterThan(0)
  expect(count.crashed + 1).toBeGreaterThan(count.tried * 0.8)
}
