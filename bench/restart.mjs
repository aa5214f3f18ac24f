import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { median, once, requestOf } from './load.mjs'
import { configuration, writePool } from './pool.mjs'
import { makeHome, removeHome, serviceEnvironment, startProgram } from './servers.mjs'

export const title = 'Restart of the server'

const ROUNDS = 7

/** The longest time without an answer that a client sees, which tries again only while the socket is missing or refuses. */
export async function run() {
  const home = makeHome()
  try {
    const [name] = writePool(home, 1)
    const gaps = []
    const nodes = []
    let lost = 0
    for (let round = 0; round < ROUNDS; round++) {
      nodes.push(nodeMs(home))
      const first = await startProgram(home, configuration)
      const client = calling(first.socket, requestOf('Get', { Name: name }))
      await sleep(300)
      await first.stop()
      const second = await startProgram(home, configuration)
      await sleep(300)
      const seen = await client.end()
      gaps.push(seen.longestMs)
      lost += seen.lost
      await second.stop()
    }
    const gap = median(gaps)
    return [
      {
        what: `Restart seen by a client, median of ${ROUNDS}`,
        ours: `${gap.toFixed(0)} ms without an answer, ${lost} lost`,
        reference: `${median(nodes).toFixed(0)} ms node -e 0`,
        ratio: gap / median(nodes),
        target: { text: '<= 300 ms, none lost', met: gap <= 300 && lost === 0 },
      },
    ]
  } finally {
    await removeHome(home)
  }
}

function nodeMs(home) {
  const began = performance.now()
  spawnSync(process.execPath, ['-e', '0'], { env: serviceEnvironment(home) })
  return performance.now() - began
}

/** One call after the other, until it is ended; then resolves with what became of them. */
function calling(socket, request) {
  const seen = { longestMs: 0, lost: 0 }
  let isOver = false
  const calls = (async () => {
    for (let answered = performance.now(); !isOver; await sleep(1)) {
      try {
        await once(socket, request)
        seen.longestMs = Math.max(seen.longestMs, performance.now() - answered)
        answered = performance.now()
      } catch (error) {
        if (error.code !== 'ENOENT' && error.code !== 'ECONNREFUSED') seen.lost += 1
      }
    }
  })()
  return {
    async end() {
      isOver = true
      await calls
      return seen
    },
  }
}
