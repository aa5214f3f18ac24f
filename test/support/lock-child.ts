import { closeSync, openSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type HeldLock, ProcessLocks } from '../../src/mount/locks.ts'

/**
 * Takes and gives back locks as it is told, a line each: `try <name>`, `release <name>`, `held <name>`,
 * `jump <name> <days>`, which sets the clock, and `contend <name> <times>`,
 * which takes the lock so often and says how often it was not alone in it.
 */
const [folder = ''] = process.argv.slice(2)
const locks = new ProcessLocks(folder)
const held = new Map<string, HeldLock>()

async function tryLock(name: string): Promise<string> {
  const taken = await locks.tryAcquire(name, 'is a test')
  if ('owner' in taken) return `lost to ${taken.owner?.process.pid}`
  held.set(name, taken)
  return 'won'
}

function stillHeld(name: string): string {
  try {
    held.get(name)?.assertHeld()
    return 'held'
  } catch (error) {
    return `lost: ${error instanceof Error ? error.message : error}`
  }
}

/** Lets this process see another time, as a clock that is set does. */
function jump(days: number): string {
  const before = Date.now
  Date.now = () => before() + days * 86_400_000
  return 'jumped'
}

async function contend(name: string, times: number): Promise<string> {
  let intrusions = 0
  for (let time = 0; time < times; time++) {
    const lock = await locks.acquire(name, 'contends', AbortSignal.timeout(60_000))
    if (!wasAlone(`${folder}/${name}.inside`)) intrusions += 1
    await lock.release()
  }
  return `${intrusions}`
}

function wasAlone(witness: string): boolean {
  try {
    closeSync(openSync(witness, 'wx'))
  } catch {
    return false
  }
  // Long enough for another one to come in.
  for (const end = performance.now() + 2; performance.now() < end; );
  rmSync(witness, { force: true })
  return true
}

async function obey(line: string): Promise<string> {
  const [command, name = '', times] = line.split(' ')
  if (command === 'try') return await tryLock(name)
  if (command === 'contend') return await contend(name, Number(times))
  if (command === 'held') return stillHeld(name)
  if (command === 'jump') return jump(Number(times))
  await held.get(name)?.release()
  return 'released'
}

for await (const line of createInterface(process.stdin)) console.log(await obey(line))
