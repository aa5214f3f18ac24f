import { addVolumes, onInstance } from './ec2.mjs'
import { once, requestOf, residentMiB } from './load.mjs'
import { configuration, writePool } from './pool.mjs'
import { makeHome, removeHome, startProgram } from './servers.mjs'

export const title = 'EBS: resident memory with 1,000 volumes'

const COUNT = 1_000

/** A server that knows 1,000 volumes, beside that of the loop provider. */
export async function run() {
  const [ours, loop] = [await onInstance({ factor: 0.01 }, memoryOfEbs), await memoryOfLoop()]
  return [
    {
      what: `EBS: resident memory, ${COUNT} volumes`,
      ours: `${ours.toFixed(0)} MiB`,
      reference: `${loop.toFixed(0)} MiB loop, the SDK's share ${(ours - loop).toFixed(0)}; REX-Ray 29-69`,
      ratio: ours / loop,
      target: { text: '<= 120 MiB', met: ours <= 120 },
    },
  ]
}

async function memoryOfEbs({ simulator, server }) {
  const names = await madeVolumes(simulator, server, COUNT)
  return await memoryAfterCalls(server, names)
}

async function memoryOfLoop() {
  const home = makeHome()
  try {
    const names = writePool(home, COUNT)
    const server = await startProgram(home, configuration)
    const memory = await memoryAfterCalls(server, names)
    await server.stop()
    return memory
  } finally {
    await removeHome(home)
  }
}

async function memoryAfterCalls({ socket, pid }, names) {
  await once(socket, requestOf('List', {}))
  for (const Name of names) await once(socket, requestOf('Get', { Name }))
  return residentMiB(pid)
}

/** One that the server made, so that all its code for that is loaded, and others like it. */
async function madeVolumes(simulator, { socket }, count) {
  await once(socket, requestOf('Create', { Name: 'made', Opts: { size: '1' } }))
  return addVolumes(simulator, simulator.named('made')[0], count - 1)
}
