import { spawn } from 'node:child_process'
import { addVolumes, onInstance } from './ec2.mjs'
import { median, once, requestOf, residentMiB } from './load.mjs'
import { configuration, writePool } from './pool.mjs'
import { environment, makeHome, program, removeHome, startProgram } from './servers.mjs'

export const title = 'EBS: resident memory with 1,000 volumes, and the list of the command line'

const COUNT = 1_000
const FEW = 10
const ROUNDS = 11

/** A server that knows 1,000 volumes, beside that of the loop provider; and `volume ls` against node itself. */
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
    ...(await onInstance({ factor: 0.01 }, listRows)),
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

async function listRows({ simulator, server, home }) {
  await madeVolumes(simulator, server, FEW)
  const [ours, theirs] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    theirs.push(await runMs(home, ['-e', '0']))
    ours.push(await runMs(home, [program, 'volume', 'ls']))
  }
  const ratio = median(ours) / median(theirs)
  return [
    {
      what: `EBS: volume ls of ${FEW} volumes`,
      ours: `${median(ours).toFixed(0)} ms`,
      reference: `${median(theirs).toFixed(0)} ms node -e 0`,
      ratio,
      target: { text: '<= 250 ms', met: median(ours) <= 250 },
    },
  ]
}

/** The simulated region answers from this process, which therefore must not stand still. */
function runMs(home, args) {
  const began = performance.now()
  const child = spawn(process.execPath, args, { env: environment(home) })
  let said = ''
  child.stderr.on('data', (chunk) => (said += chunk))
  child.stdout.resume()
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => {
      if (status === 0) resolve(performance.now() - began)
      else reject(new Error(`node ${args.join(' ')} ended with ${status}: ${said}`))
    })
  })
}
