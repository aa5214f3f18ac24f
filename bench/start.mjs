import { spawnSync } from 'node:child_process'
import { createServer } from 'node:http'
import { median, once, requestOf } from './load.mjs'
import { environment, isRoot, makeHome, program, removeHome, startProgram } from './servers.mjs'

export const title = 'Start of the command line and of the server'

const ROUNDS = 21
const SERVER_ROUNDS = 5

/** `remora version` against `node -e 0`, and the time from the start of a server to its first answer. */
export async function run() {
  const rows = await versionRows()
  return isRoot ? [...rows, await serverRow()] : rows
}

/** As in a managed plugin, whose `docker plugin enable` waits for it, while nothing of EC2 answers. */
async function serverRow() {
  const silent = createServer(() => {})
  await new Promise((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${silent.address().port}`
  const home = makeHome()
  const times = []
  const nodes = []
  try {
    for (let round = 0; round < SERVER_ROUNDS; round++) {
      nodes.push(runMs(home, ['-e', '0']))
      const began = performance.now()
      const configuration = `libstorage: {service: ebs}\nebs: {endpoint: '${url}', metadataEndpoint: '${url}'}\n`
      const server = await startProgram(home, configuration)
      await once(server.socket, requestOf('Capabilities', {}))
      times.push(performance.now() - began)
      await server.stop()
    }
  } finally {
    silent.closeAllConnections()
    silent.close()
    await removeHome(home)
  }
  const [ms, nodeMs] = [median(times), median(nodes)]
  return {
    what: 'start of a server of EBS until it answers, while EC2 and its metadata service hang',
    ours: `${ms.toFixed(0)} ms`,
    reference: `${nodeMs.toFixed(0)} ms node -e 0`,
    ratio: ms / nodeMs,
    target: { text: '<= 1 s', met: ms <= 1_000 },
  }
}

async function versionRows() {
  const home = makeHome()
  try {
    const [ours, theirs] = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(runMs(home, ['-e', '0']))
      ours.push(runMs(home, [program, 'version']))
    }
    const ratio = median(ours) / median(theirs)
    return [
      {
        what: 'remora version',
        ours: `${median(ours).toFixed(0)} ms`,
        reference: `${median(theirs).toFixed(0)} ms node -e 0`,
        ratio,
        target: { text: '<= 1.3', met: ratio <= 1.3 },
      },
    ]
  } finally {
    await removeHome(home)
  }
}

function runMs(home, args) {
  const began = performance.now()
  const { status, stderr } = spawnSync(process.execPath, args, { env: environment(home) })
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`)
  return performance.now() - began
}
