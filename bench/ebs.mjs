import { spawnSync } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onInstance, until } from './ec2.mjs'
import { median, once, requestOf } from './load.mjs'
import { shellMs } from './mount.mjs'
import { isRoot } from './servers.mjs'

export const title = 'EBS: requests to EC2, software time of a mount, 20 volumes at once'

/** Real delays; the first round teaches how long EC2 takes, and the usual one of the others counts. */
const ROUNDS = 6
const COUNT = 20
/** What REX-Ray and the CSI driver of EBS need, and what is asked for: changes and describes. */
const ASKED = {
  Create: { rexray: 8, csi: '2-3', changes: 1, describes: 2 },
  Mount: { rexray: 9, csi: '4-5', changes: 1, describes: 1 },
  'Mount again': { rexray: 3, csi: '2', changes: 0, describes: 0 },
  Path: { rexray: 1, csi: 'none', changes: 0, describes: 0 },
  'Get of a known volume': { rexray: 1, csi: 'none', changes: 0, describes: 0 },
  'Unmount and detach': { rexray: 7, csi: '4-5', changes: 1, describes: 1 },
  List: { rexray: 1, csi: 'none', changes: 0, describes: 1 },
  Remove: { rexray: 2, csi: '1', changes: 1, describes: 1 },
}

/** As fast as EC2 usually is; each round makes a volume, uses it and removes it, as Docker does. */
export async function run() {
  if (!isRoot) return [{ what: title, ours: 'needs root' }]
  return [...(await onInstance({}, oneByOne)), ...(await onInstance({ factor: 0.2 }, allAtOnce))]
}

async function oneByOne(world) {
  const counts = {}
  const ours = []
  const tools = []
  const disk = formattedDisk(world.home)
  for (let round = 0; round < ROUNDS; round++) {
    const counted = round === 0 ? {} : counts
    await useOnce(world, `round-${round}`, counted, ours)
    tools.push(shellMs(disk, world.home).checkAndMount)
  }
  const rows = Object.entries(ASKED).map(([what, asked]) =>
    countRow(what, asked, usual(counts[what])),
  )
  return [...rows, softwareRow(median(ours), median(tools))]
}

async function useOnce({ simulator, server, instance }, name, counts, times) {
  const call = (method, body = {}) =>
    once(server.socket, requestOf(method, { Name: name, ...body }))
  const counted = async (what, work) => {
    simulator.takeCounts()
    await work()
    counts[what] = [...(counts[what] ?? []), summed(simulator.takeCounts())]
  }
  const release = async () => {
    await call('Unmount', { ID: 'one' })
    await until(() => stateOf(simulator, name) === 'available')
    // Until it shows in look-ups too.
    await sleep(3_000)
  }
  await call('Get').catch(() => undefined)
  await counted('Create', () => call('Create', { Opts: { size: '1' } }))
  // So that what the Create knew is known no more.
  await sleep(6_000)
  await counted('Mount', async () => {
    await call('Get')
    await call('Mount', { ID: 'one' })
  })
  await counted('Mount again', () => call('Mount', { ID: 'two' }))
  await counted('Path', () => call('Path'))
  await counted('Get of a known volume', () => call('Get'))
  await call('Unmount', { ID: 'two' })
  await counted('Unmount and detach', release)
  times.push(await softwareMs(simulator, instance, () => call('Mount', { ID: 'one' })))
  await release()
  await counted('List', () => call('List'))
  await counted('Remove', () => call('Remove'))
}

function summed(taken) {
  const sum = (isMeant) =>
    Object.entries(taken).reduce((all, [action, count]) => all + (isMeant(action) ? count : 0), 0)
  const isDescribe = (action) => action.startsWith('Describe')
  return { changes: sum((action) => !isDescribe(action)), describes: sum(isDescribe) }
}

function usual(counts) {
  return {
    changes: median(counts.map(({ changes }) => changes)),
    describes: median(counts.map(({ describes }) => describes)),
  }
}

function countRow(what, { rexray, csi, changes, describes }, ours) {
  const met = ours.changes <= changes && ours.describes <= describes
  return {
    what: `EBS: ${what}, changes + describes`,
    ours: `${ours.changes} + ${ours.describes}`,
    reference: `REX-Ray ${rexray}, EBS CSI driver ${csi}`,
    target: { text: `<= ${changes} + ${describes}`, met },
  }
}

/** The time of a Mount of a formatted volume, less what the platform took until the kernel had the disk. */
async function softwareMs({ region }, { disks }, mount) {
  const appear = disks.appear.bind(disks)
  let appearing = 0
  disks.appear = (...disk) => {
    const began = performance.now()
    appear(...disk)
    appearing = performance.now() - began
  }
  const began = performance.now()
  await mount()
  const ms = performance.now() - began
  disks.appear = appear
  return ms - region.delays.device - appearing
}

function softwareRow(ours, tools) {
  return {
    what: 'EBS: Mount of a formatted volume, above EC2’s own time and the tools',
    ours: `${(ours - tools).toFixed(0)} ms`,
    reference: `${tools.toFixed(0)} ms e2fsck + mount`,
    target: { text: '<= 100 ms', met: ours - tools <= 100 },
  }
}

/** A disk as the volumes are, with a file system. */
function formattedDisk(home) {
  const disk = join(home, 'disk')
  writeFileSync(disk, '')
  truncateSync(disk, 2 ** 30)
  spawnSync('mkfs.ext4', ['-q', '-F', disk])
  return disk
}

async function allAtOnce({ simulator, server }) {
  const names = Array.from({ length: COUNT }, (_, index) => `many-${index}`)
  const rows = []
  for (const [method, body] of [
    ['Create', { Opts: { size: '1' } }],
    ['Mount', { ID: 'bench' }],
    ['Unmount', { ID: 'bench' }],
    ['Remove', {}],
  ]) {
    simulator.takeCounts()
    const began = performance.now()
    const all = await Promise.allSettled(
      names.map((Name) => once(server.socket, requestOf(method, { Name, ...body }))),
    )
    const seconds = (performance.now() - began) / 1000
    if (method === 'Unmount')
      await until(() => names.every((name) => stateOf(simulator, name) === 'available'))
    const failed = all.filter(({ status }) => status === 'rejected')
    for (const { reason } of failed.slice(0, 3)) process.stderr.write(`${reason}\n`)
    const requests = Object.values(simulator.takeCounts()).reduce((sum, n) => sum + n, 0)
    rows.push({
      what: `EBS: ${method} of ${COUNT} volumes at once`,
      ours: `${COUNT - failed.length} succeed, ${seconds.toFixed(1)} s, ${requests} requests`,
      reference: method === 'Mount' ? 'REX-Ray: 10 of 20 fail' : '',
      target: { text: 'all succeed', met: failed.length === 0 },
    })
  }
  return rows
}

function stateOf(simulator, name) {
  return simulator.named(name)[0]?.state
}
