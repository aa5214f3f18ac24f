import { load, median, once, processorSeconds, requestOf } from './load.mjs'
import { configuration, writePool } from './pool.mjs'
import { makeHome, removeHome, startBare, startProgram } from './servers.mjs'

export const title = 'Path and Get of a known volume'

const ROUNDS = 3

/** Throughput over the socket against a bare node:http server that says the same. */
export async function run() {
  const home = makeHome()
  try {
    const [name] = writePool(home, 1)
    const server = await startProgram(home, configuration)
    const rows = []
    for (const call of ['Path', 'Get']) rows.push(...(await measure(home, server, call, name)))
    await server.stop()
    return rows
  } finally {
    await removeHome(home)
  }
}

async function measure(home, server, call, name) {
  const request = requestOf(call, { Name: name })
  const reply = (await once(server.socket, request)).toString()
  const bare = await startBare(home, reply.slice(reply.indexOf('\r\n\r\n') + 4))
  const ours = { perSecond: [], micros: [] }
  const theirs = { perSecond: [], micros: [] }
  // In turns, so that whatever else the machine does meets both.
  for (let round = 0; round < ROUNDS; round++) {
    await oneRound(bare, request, theirs)
    await oneRound(server, request, ours)
  }
  await bare.stop()
  const calls = [median(ours.perSecond), median(theirs.perSecond)]
  const micros = [median(ours.micros), median(theirs.micros)]
  return [
    {
      what: `${call}, calls a second`,
      ours: calls[0].toFixed(0),
      reference: `${calls[1].toFixed(0)} bare node:http`,
      ratio: calls[0] / calls[1],
      target: { text: '>= 0.5', met: calls[0] / calls[1] >= 0.5 },
    },
    {
      what: `${call}, processor time a call`,
      ours: `${micros[0].toFixed(0)} us`,
      reference: `${micros[1].toFixed(0)} us bare node:http`,
      ratio: micros[0] / micros[1],
    },
  ]
}

async function oneRound({ pid, socket }, request, into) {
  await load(socket, [request], { seconds: 0.5 })
  const before = processorSeconds(pid)
  const { calls, perSecond } = await load(socket, [request])
  into.perSecond.push(perSecond)
  into.micros.push(((processorSeconds(pid) - before) / calls) * 1e6)
}
