import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { addVolumes, onInstance } from './ec2.mjs'
import { median, once, requestOf } from './load.mjs'
import { program, serviceEnvironment } from './servers.mjs'

export const title = 'volume ls, with a server on the host and without'

const COUNT = 10
const ROUNDS = 15
const SETTLING_MS = 5_000

/** `volume ls` of volumes of EBS beside `node -e 0`, asked in turns. */
export async function run() {
  return await onInstance({ factor: 0.01 }, async ({ simulator, server, home }) => {
    await once(server.socket, requestOf('Create', { Name: 'made', Opts: { size: '1' } }))
    addVolumes(simulator, simulator.named('made')[0], COUNT - 1)
    // A server takes a while to be sure of a configuration that was written just before its start.
    await sleep(SETTLING_MS)
    const beside = await measure(home)
    await server.stop()
    const alone = await measure(home)
    const ratio = beside.ours / beside.node
    return [
      {
        what: `volume ls of ${COUNT} volumes of EBS, beside a server`,
        ours: `${beside.ours.toFixed(0)} ms`,
        reference: `${beside.node.toFixed(0)} ms node -e 0`,
        ratio,
        target: { text: '<= 1.5', met: ratio <= 1.5 },
      },
      {
        what: `volume ls of ${COUNT} volumes of EBS, without a server`,
        ours: `${alone.ours.toFixed(0)} ms`,
        reference: `${alone.node.toFixed(0)} ms node -e 0, REX-Ray 253 ms`,
        ratio: alone.ours / alone.node,
        target: { text: '<= 250 ms', met: alone.ours <= 250 },
      },
    ]
  })
}

async function measure(home) {
  const [ours, node] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    node.push(await runMs(home, ['-e', '0']))
    ours.push(await runMs(home, [program, 'volume', 'ls']))
  }
  return { ours: median(ours), node: median(node) }
}

/** The simulated region answers from this process, which therefore must not stand still. */
function runMs(home, args) {
  const began = performance.now()
  const child = spawn(process.execPath, args, { env: serviceEnvironment(home) })
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
