import { spawn, spawnSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { median } from './load.mjs'
import { configuration, writePool } from './pool.mjs'
import { environment, isRoot, makeHome, program, removeHome, startProgram } from './servers.mjs'

export const title = 'dvdcli: its start, and 50 tasks that start at once'

const ROUNDS = 21
const COUNT = 50

/** dvdcli against `node -e 0`, alone and with two calls of the plugin, then as many mounts at once as a busy agent makes. */
export async function run() {
  const home = makeHome()
  try {
    const dvdcli = join(home, 'dvdcli')
    symlinkSync(program, dvdcli)
    const names = isRoot ? writePool(home, COUNT) : []
    const served = isRoot ? configuration : 'libstorage: { service: vfs }'
    const server = await startProgram(home, served)
    const rows = [
      ...startRows(home, dvdcli),
      ...(isRoot ? await taskRows(home, dvdcli, names) : []),
    ]
    await server.stop()
    return rows
  } finally {
    await removeHome(home)
  }
}

function startRows(home, dvdcli) {
  const list = [dvdcli, 'list', '--volumedriver=rexray']
  const times = { bare: [], version: [], list: [] }
  for (let round = 0; round < ROUNDS; round++) {
    times.bare.push(runMs(home, ['-e', '0']))
    times.version.push(runMs(home, [dvdcli, 'version']))
    times.list.push(runMs(home, list))
  }
  const bare = median(times.bare)
  const row = (what, ours) => ({
    what,
    ours: `${ours.toFixed(0)} ms`,
    reference: `${bare.toFixed(0)} ms node -e 0`,
    ratio: ours / bare,
  })
  const version = row('dvdcli version', median(times.version))
  const target = { text: '<= 1.3', met: version.ratio <= 1.3 }
  return [{ ...version, target }, row('dvdcli list, with two calls', median(times.list))]
}

function runMs(home, args) {
  const began = performance.now()
  const { status, stderr } = spawnSync(process.execPath, args, { env: environment(home) })
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`)
  return performance.now() - began
}

async function taskRows(home, dvdcli, names) {
  const rows = []
  for (const verb of ['mount', 'unmount']) {
    const began = performance.now()
    const statuses = await Promise.all(names.map((name) => statusOf(home, dvdcli, verb, name)))
    const seconds = (performance.now() - began) / 1000
    const succeeded = statuses.filter((status) => status === 0).length
    rows.push({
      what: `${COUNT} tasks at once, dvdcli ${verb}`,
      ours: `${seconds.toFixed(1)} s, ${succeeded} succeed`,
      target: { text: 'all succeed', met: succeeded === COUNT },
    })
  }
  return rows
}

function statusOf(home, dvdcli, verb, name) {
  const args = [dvdcli, verb, '--volumedriver=rexray', `--volumename=${name}`]
  const child = spawn(process.execPath, args, { env: environment(home), stdio: 'ignore' })
  return new Promise((resolve) => child.once('close', resolve))
}
