/** Runs that are under way at once; each has machines, servers and homes of its own. */
const concurrency = 4

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
