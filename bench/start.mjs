import { spawnSync } from 'node:child_process'
import { median } from './load.mjs'
import { environment, makeHome, program, removeHome } from './servers.mjs'

export const title = 'Start of the command line'

const ROUNDS = 21

/** `remora version` against `node -e 0`. */
export async function run() {
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
