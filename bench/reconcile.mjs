import { setTimeout as sleep } from 'node:timers/promises'
import { median } from './load.mjs'
import { loadWorlds } from './worlds.mjs'

export const title = 'Reconciliation of many volumes'

const COUNT = 1_000
const ROUNDS = 5

/** From the start of a server until all volumes that are in use were compared with the kernel and the platform. */
export async function run() {
  const { MountWorld, mounted } = await loadWorlds()
  const world = new MountWorld()
  try {
    const before = world.manager()
    const names = Array.from({ length: COUNT }, (_, index) => `volume-${index}`)
    const work = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        world.platform.add({ name })
        await mounted(before, name, 'a')
      }
    }
    await Promise.all(Array.from({ length: 20 }, work))
    await before.close()
    const rounds = []
    for (let round = 0; round < ROUNDS; round++) rounds.push(await startMs(world))
    const ms = median(rounds.map(({ wallMs }) => wallMs))
    const processorMs = median(rounds.map((one) => one.processorMs))
    return [
      {
        what: `Reconciliation of ${COUNT} volumes in use at start, platform in memory`,
        ours: `${ms.toFixed(0)} ms`,
        reference: `${processorMs.toFixed(0)} ms of processor time`,
        target: { text: '<= 1 s', met: ms <= 1_000 },
      },
    ]
  } finally {
    await world.end()
  }
}

async function startMs(world) {
  const asked = world.platform.count('volumes')
  const manager = world.manager()
  const used = process.cpuUsage()
  const began = performance.now()
  manager.start()
  while (world.platform.count('volumes') === asked) await sleep(1)
  await sleep(1)
  // Waits for all comparisons that have begun, with the kernel and with what the platform said.
  await manager.close()
  const { user, system } = process.cpuUsage(used)
  return { wallMs: performance.now() - began, processorMs: (user + system) / 1_000 }
}
