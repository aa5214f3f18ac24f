import { load, once, requestOf, residentMiB } from './load.mjs'
import { configuration, writePool } from './pool.mjs'
import { makeHome, removeHome, startBare, startProgram } from './servers.mjs'

export const title = 'Resident memory'

const CALLS = { seconds: 20, calls: 20_000 }

/** Resident memory with 1,000 volumes after 20,000 calls, against a bare node:http server after the same. */
export async function run() {
  const home = makeHome()
  try {
    const [name] = writePool(home, 1_000)
    const server = await startProgram(home, configuration)
    await once(server.socket, requestOf('List', {}))
    const requests = ['Path', 'Get'].map((call) => requestOf(call, { Name: name }))
    const reply = (await once(server.socket, requests[1])).toString()
    const bare = await startBare(home, reply.slice(reply.indexOf('\r\n\r\n') + 4))
    for (const { socket } of [bare, server]) await load(socket, requests, CALLS)
    const [ours, theirs] = [residentMiB(server.pid), residentMiB(bare.pid)]
    await Promise.all([server.stop(), bare.stop()])
    return [
      {
        what: 'Resident memory, 1,000 volumes, after the calls',
        ours: `${ours.toFixed(0)} MiB`,
        reference: `${theirs.toFixed(0)} MiB bare node:http`,
        ratio: ours / theirs,
        target: { text: '<= 1.3', met: ours / theirs <= 1.3 },
      },
    ]
  } finally {
    await removeHome(home)
  }
}
