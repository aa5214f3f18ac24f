import { readdirSync } from 'node:fs'
import path from 'node:path'
import { vi } from 'vitest'

/** For how long no operation may have had a lock until all that began by itself counts as ended, in milliseconds. */
const QUIET_MS = 150

/** Waits until everything that began by itself in a world has come to its end. */
export async function settled({ folder }: { readonly folder: string }): Promise<void> {
  for (let quietSince = Date.now(); Date.now() - quietSince < QUIET_MS; ) {
    await new Promise((resolve) => setImmediate(resolve))
    if (isLocked(folder)) quietSince = Date.now()
  }
}

/** Lets the time of fake timers pass, and what follows from it come to its end. */
export async function timePasses(world: { readonly folder: string }, ms: number): Promise<void> {
  vi.advanceTimersByTime(ms)
  await settled(world)
}

function isLocked(folder: string): boolean {
  if (!readdirSync(folder).includes('locks')) return false
  return readdirSync(path.join(folder, 'locks')).some((name) => name.endsWith('.lock'))
}
