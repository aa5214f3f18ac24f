import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { look, type Names, type Sight, threadedFiles } from './look.ts'

/** Looks at some folders; the answers are in their order. */
export interface Reader {
  read(folders: readonly string[]): Promise<(Sight | undefined)[]>
  end(): void
}

/** Reads by way of Node's four threads, of which it takes one at a time: for a few folders. */
export function fewReader(names: Names): Reader {
  return {
    async read(folders) {
      const sights: (Sight | undefined)[] = []
      for (const folder of folders) sights.push(await look(folder, names, threadedFiles))
      return sights
    },
    end() {},
  }
}

/**
 * Reads in a thread of its own, which takes a while to start and then is many times as fast as one call at a time: for
 * many folders.
 */
export function manyReader(names: Names): Reader {
  const worker = new Worker(SOURCE, { eval: true, workerData: names, execArgv: [], env: {} })
  return {
    async read(folders) {
      worker.postMessage(folders)
      const [sights] = await once(worker, 'message')
      return sights
    },
    end() {
      void worker.terminate()
    },
  }
}

/** A thread that starts makes V8 forget, for all threads, what main.ts told it of its young generation: it is told again. */
const SOURCE = `
const { readdirSync, readFileSync, statSync } = require('node:fs')
const { setFlagsFromString } = require('node:v8')
const { parentPort, workerData } = require('node:worker_threads')
setFlagsFromString('--semi-space-growth-factor=1')
const look = ${look}
const files = { entries: readdirSync, text: (path) => readFileSync(path, 'utf8'), stats: statSync }
parentPort.on('message', async (folders) => {
  const sights = []
  for (const folder of folders) sights.push(await look(folder, workerData, files))
  parentPort.postMessage(sights)
})
`
