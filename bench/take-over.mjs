import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { median, once, requestOf } from './load.mjs'
import { configuration, writePool } from './pool.mjs'
import { isRoot, makeHome, removeHome, startProgram } from './servers.mjs'
import { loadWorlds } from './worlds.mjs'

export const title = 'Take-over of a volume'

const ROUNDS = 11
const DEVICE_ROUNDS = 5
const WAIT_MS = 300

/** What a Mount that takes a volume from another machine takes above what the policy makes it wait. */
export async function run() {
  const worlds = await loadWorlds()
  const rows = [
    await inMemory(worlds, 'a dead machine', 'stopped', 0),
    await inMemory(worlds, 'a running machine', 'running', 2 * WAIT_MS),
  ]
  return isRoot ? [...rows, await overLoop()] : rows
}

async function inMemory({ MountWorld, mounted, quickSettings }, whom, state, waitsMs) {
  const times = []
  for (let round = 0; round < ROUNDS; round++) {
    const here = new MountWorld()
    const there = new MountWorld('there', here)
    const holder = there.manager()
    await holder.create('data', {})
    await mounted(holder, 'data', 'a')
    if (state === 'stopped') await there.kernel.unmount('/mnt/data')
    here.platform.machines.set('there', state)
    const waits = { preempt: true, attachWaitMs: WAIT_MS, preemptGraceMs: WAIT_MS }
    const manager = here.manager('server', { mount: { ...quickSettings.mount, ...waits } })
    const began = performance.now()
    await mounted(manager, 'data', 'b')
    times.push(performance.now() - began - waitsMs)
    await here.end()
    await there.end()
  }
  return row(`Take-over from ${whom}, above the waits, platform in memory`, median(times))
}

/**
 * Two machines of this kernel; the holder's file system is mounted, and has to be pulled. No target: most of it are the
 * strokes, 120 ms of pauses, by which the kernel's loop driver is made to drop what is under way, as EC2 does by itself.
 */
async function overLoop() {
  const home = makeHome()
  try {
    const pool = join(home, 'var/lib/loop')
    const [name] = writePool(home, 1)
    const machines = []
    for (const instance of ['one', 'two']) {
      mkdirSync(join(home, instance))
      machines.push(await startProgram(join(home, instance), settings(pool, instance)))
    }
    const [one, two] = machines
    const times = []
    const plain = []
    for (let round = 0; round < DEVICE_ROUNDS; round++) {
      await timed(one, 'Mount', name)
      times.push((await timed(two, 'Mount', name)) - 2 * WAIT_MS)
      await timed(two, 'Unmount', name)
      plain.push(await timed(two, 'Mount', name))
      await timed(two, 'Unmount', name)
      await timed(one, 'Unmount', name)
    }
    for (const machine of machines) await machine.stop()
    return {
      what: 'Take-over from a running machine by force, above the waits, loop',
      ours: `${median(times).toFixed(1)} ms`,
      reference: `${median(plain).toFixed(1)} ms a Mount of what is free`,
    }
  } finally {
    await removeHome(home)
  }
}

function settings(pool, instance) {
  const policy = `mount: { preempt: true, attachWait: ${WAIT_MS}ms, preemptGrace: ${WAIT_MS}ms }`
  return `${configuration.replace('unmount:', `${policy}, unmount:`)}loop: { pool: ${pool}, instance: ${instance} }\n`
}

async function timed({ socket }, call, name) {
  const began = performance.now()
  await once(socket, requestOf(call, { Name: name, ID: 'bench' }))
  return performance.now() - began
}

function row(what, ms) {
  return {
    what,
    ours: `${ms.toFixed(1)} ms`,
    reference: '',
    target: { text: '<= 100 ms', met: ms <= 100 },
  }
}
