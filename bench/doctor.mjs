import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { median } from './load.mjs'
import { environment, makeHome, program, removeHome } from './servers.mjs'

export const title = 'The doctor'

const ROUNDS = 5
const LIMIT_MS = 10_000

/** `remora doctor` on a machine that is well, and where disks, tools and the socket hang. */
export async function run() {
  const home = makeHome()
  const silent = createServer(() => {})
  try {
    mkdirSync(join(home, 'etc'), { recursive: true })
    writeFileSync(join(home, 'etc/config.yml'), 'libstorage: {service: vfs}\n')
    const well = Array.from({ length: ROUNDS }, () => runMs(home, {}))
    const socket = join(home, 'run/docker/plugins/rexray.sock')
    mkdirSync(join(home, 'run/docker/plugins'), { recursive: true })
    await new Promise((resolve) => silent.listen(socket, resolve))
    const hung = runMs(home, { PATH: `${hangingTools(home)}:${process.env.PATH}` })
    return [
      { what: 'doctor, all is well', ours: `${median(well).toFixed(0)} ms` },
      {
        what: 'doctor, everything hangs',
        ours: `${(hung / 1_000).toFixed(1)} s`,
        target: { text: '<= 10 s', met: hung <= LIMIT_MS },
      },
    ]
  } finally {
    silent.close()
    await removeHome(home)
  }
}

/** Tools that never end, as on a disk that hangs. */
function hangingTools(home) {
  const folder = join(home, 'bin')
  mkdirSync(folder)
  for (const name of ['stat', 'realpath', 'tail', 'cat', 'mount', 'timedatectl']) {
    writeFileSync(join(folder, name), '#!/bin/sh\nexec sleep 30\n')
    chmodSync(join(folder, name), 0o755)
  }
  return folder
}

function runMs(home, env) {
  const began = performance.now()
  const options = { env: { ...environment(home), ...env } }
  const { status, stderr } = spawnSync(process.execPath, [program, 'doctor'], options)
  if (status === null || stderr.length > 0) throw new Error(`the doctor said ${stderr}`)
  return performance.now() - began
}
