import { setTimeout as sleep } from 'node:timers/promises'
import { median, once, requestOf } from './load.mjs'
import { configuration, writePool } from './pool.mjs'
import { makeHome, removeHome, startProgram } from './servers.mjs'

export const title = 'List of many volumes'

const request = requestOf('List', {})

/** Time per volume above serialising the reply, of 1,000 and of 10,000 volumes. */
export async function run() {
  const rows = []
  const micros = []
  for (const count of [1_000, 10_000]) {
    const { known, fresh, serialising } = await measure(count)
    const above = ((known - serialising) / count) * 1000
    micros.push(above)
    rows.push(
      {
        what: `List of ${count} volumes, above serialising`,
        ours: `${above.toFixed(2)} us a volume`,
        reference: `${((serialising / count) * 1000).toFixed(2)} us to serialise one`,
        target: { text: '<= 10 us', met: above <= 10 },
      },
      {
        what: `List of ${count} volumes, pool read afresh`,
        ours: `${((fresh / count) * 1000).toFixed(2)} us a volume`,
        reference: `${fresh.toFixed(0)} ms in all`,
      },
    )
  }
  const ratio = micros[1] / micros[0]
  rows.push({
    what: 'List, a volume of 10,000 against one of 1,000',
    ours: `${micros[1].toFixed(2)} us`,
    reference: `${micros[0].toFixed(2)} us`,
    ratio,
    target: { text: '<= 1.5, linear', met: ratio <= 1.5 },
  })
  return rows
}

async function measure(count) {
  const home = makeHome()
  try {
    writePool(home, count)
    const server = await startProgram(home, configuration)
    const fresh = []
    const known = []
    const serialising = []
    for (let round = 0; round < 3; round++) {
      // Longer than a result is reused.
      if (round > 0) await sleep(6_000)
      fresh.push((await timed(server.socket)).ms)
      for (let call = 0; call < 7; call++) {
        const { ms, reply } = await timed(server.socket)
        known.push(ms)
        serialising.push(serialisingMs(reply, count))
      }
    }
    await server.stop()
    return { fresh: median(fresh), known: median(known), serialising: median(serialising) }
  } finally {
    await removeHome(home)
  }
}

async function timed(socket) {
  const began = performance.now()
  const reply = await once(socket, request)
  return { ms: performance.now() - began, reply }
}

function serialisingMs(reply, count) {
  const text = reply.toString()
  const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))
  if (body.Volumes.length !== count) throw new Error(`${body.Volumes.length} of ${count} listed`)
  const began = performance.now()
  JSON.stringify(body)
  return performance.now() - began
}
