import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { median, once, requestOf } from './load.mjs'
import { configuration, writePool } from './pool.mjs'
import { isRoot, makeHome, removeHome, startProgram } from './servers.mjs'
import { loadWorlds } from './worlds.mjs'

export const title = 'The ledger'

const ROUNDS = 101

/** One update of the ledger, as each reference makes one, and its share of a Mount of what is mounted already. */
export async function run() {
  if (!isRoot) return [{ what: title, ours: 'needs root' }]
  const { FileLedger } = await loadWorlds()
  const home = makeHome()
  try {
    const [name] = writePool(home, 1)
    const server = await startProgram(home, configuration)
    await once(server.socket, requestOf('Mount', { Name: name, ID: 'first' }))
    const folder = join(home, 'var/lib/ledger/loop')
    const file = readdirSync(folder).find((entry) => entry.endsWith('.json'))
    const text = readFileSync(join(folder, file), 'utf8')
    const ledger = new FileLedger(join(home, 'ledger'), console)
    const times = { put: [], bare: [], warm: [] }
    mkdirSync(join(home, 'bare'))
    // In turns, so that whatever else the machine does meets all of them.
    for (let round = 0; round < ROUNDS; round++) {
      const record = JSON.parse(text)
      record.references = [{ ...record.references[0], id: `holder-${round}` }]
      times.put.push(await timed(() => ledger.put(record)))
      times.bare.push(await timed(async () => writeBarely(join(home, 'bare'), text)))
      const holder = { Name: name, ID: `holder-${round}` }
      times.warm.push(await timed(() => once(server.socket, requestOf('Mount', holder))))
      await once(server.socket, requestOf('Unmount', holder))
    }
    await once(server.socket, requestOf('Unmount', { Name: name, ID: 'first' }))
    await server.stop()
    const [put, bare, warm] = [median(times.put), median(times.bare), median(times.warm)]
    return [
      {
        what: 'Ledger update, fsync included',
        ours: `${put.toFixed(2)} ms`,
        reference: `${bare.toFixed(2)} ms write + fsync + rename + fsync`,
        ratio: put / bare,
      },
      {
        what: 'Ledger update, share of a Mount of what is mounted',
        ours: `${put.toFixed(2)} ms`,
        reference: `${warm.toFixed(2)} ms Mount`,
        ratio: put / warm,
      },
    ]
  } finally {
    await removeHome(home)
  }
}

async function timed(work) {
  const began = performance.now()
  await work()
  return performance.now() - began
}

function writeBarely(folder, text) {
  const path = join(folder, 'record')
  const file = openSync(`${path}.tmp`, 'w')
  writeSync(file, text)
  fsyncSync(file)
  closeSync(file)
  renameSync(`${path}.tmp`, path)
  const directory = openSync(folder, 'r')
  fsyncSync(directory)
  closeSync(directory)
}
