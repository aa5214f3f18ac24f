import { setTimeout as sleep } from 'node:timers/promises'
import { once, quantile, requestOf } from './load.mjs'
import { configuration, writePool } from './pool.mjs'
import { isRoot, makeHome, removeHome, startProgram } from './servers.mjs'

export const title = 'Mounts of 50 volumes at once'

const COUNT = 50

/** Fifty mounts at once, first of new volumes, then of formatted ones, and how long Get of another one takes meanwhile. */
export async function run() {
  if (!isRoot) return [{ what: title, ours: 'needs root' }]
  const home = makeHome()
  try {
    const [other, ...names] = writePool(home, COUNT + 1)
    const server = await startProgram(home, configuration)
    await once(server.socket, requestOf('Get', { Name: other }))
    const rows = []
    for (const state of ['new', 'formatted'])
      rows.push(...(await measure(server.socket, names, other, state)))
    await server.stop()
    return rows
  } finally {
    await removeHome(home)
  }
}

async function measure(socket, names, other, state) {
  const watch = watched(socket, requestOf('Get', { Name: other }))
  const began = performance.now()
  const mounts = await all(socket, 'Mount', names)
  const seconds = (performance.now() - began) / 1000
  const latencies = await watch.end()
  const unmounts = await all(socket, 'Unmount', names)
  const failed = [...mounts, ...unmounts].filter(({ status }) => status === 'rejected')
  for (const { reason } of failed.slice(0, 3)) process.stderr.write(`${reason}\n`)
  const p99 = quantile(latencies, 0.99)
  return [
    {
      what: `${COUNT} mounts of ${state} volumes at once`,
      ours: `${seconds.toFixed(1)} s, ${mounts.length - failed.length} succeed`,
      reference: '',
      target: { text: 'all succeed', met: failed.length === 0 },
    },
    {
      what: `Get of another volume meanwhile, p99 of ${latencies.length}`,
      ours: `${p99.toFixed(1)} ms`,
      reference: '',
      target: { text: '<= 20 ms', met: p99 <= 20 },
    },
  ]
}

function all(socket, call, names) {
  return Promise.allSettled(
    names.map((name) => once(socket, requestOf(call, { Name: name, ID: 'bench' }))),
  )
}

/** One call every 10 ms, one at a time, until it is ended; then resolves with their times in ms. */
function watched(socket, request) {
  const latencies = []
  let isOver = false
  const watching = (async () => {
    while (!isOver) {
      const began = performance.now()
      await once(socket, request)
      latencies.push(performance.now() - began)
      await sleep(10)
    }
  })()
  return {
    async end() {
      isOver = true
      await watching
      return latencies
    },
  }
}
