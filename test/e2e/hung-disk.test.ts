import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HangingDisk } from '../support/hanging-disk.ts'
import { expectNothingLeft } from '../support/leftovers.ts'
import { eventually, Machine } from '../support/machine.ts'
import { callPlugin, expectSuccess } from '../support/plugin-calls.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

const hung = { Name: 'hung' }
const others = ['one', 'two', 'three']
/** What a look may take on a slow machine while a disk hangs; without it, a few milliseconds. */
const LOOK_BOUND_MS = 2_000

let machine: Machine
let server: ServerProcess
let disk: HangingDisk
let writer: ChildProcess | undefined

beforeEach(async () => {
  machine = await Machine.start()
  disk = new HangingDisk(machine)
  server = await startServer(machine)
})
afterEach(async () => {
  await disk.end()
  await machine.end()
})

describe('a disk that hangs under one volume of many', () => {
  test.each([
    { why: 'a process writes to it', conv: 'conv=fsync' },
    { why: 'written data waits for it', conv: 'conv=notrunc' },
  ])(
    'holds up nobody else while $why, is told within the deadlines, and all is well when it goes on',
    async ({ conv }) => {
      for (const name of [...others, 'hung'])
        await expectSuccess(server, 'Create', { Name: name, Opts: { size: '1' } })
      await disk.putUnder('hung')
      const { Mountpoint } = await expectSuccess(server, 'Mount', { ...hung, ID: 'a' })
      const file = join(String(Mountpoint), 'file')
      expect(await machine.run('sh', ['-c', `echo whole > ${file} && sync ${file}`])).toMatchObject(
        {
          status: 0,
        },
      )

      await disk.freeze()
      writer = machine.spawn('dd', ['if=/dev/zero', `of=${file}.new`, 'bs=1M', 'count=8', conv])
      await sleep(1_000)
      const slow = Promise.all([
        timed('Mount', { ...hung, ID: 'b' }),
        timed('Unmount', { ...hung, ID: 'a' }),
      ])
      const looks = await lookAndWorkUntil(slow)
      expect(percentile(looks, 0.99)).toBeLessThan(LOOK_BOUND_MS)
      const [mounted, unmounted] = await slow
      expect(mounted).toMatchObject({
        status: 500,
        error: expect.stringMatching(/does not answer/),
      })
      console.log(`${looks.length} looks; Mount took ${mounted.ms} ms, Unmount ${unmounted.ms} ms`)
      expect(mounted.ms).toBeLessThan(111_500)
      expect(unmounted.ms).toBeLessThan(56_500)

      await disk.thaw()
      await eventually('the writer to end', () => writer?.exitCode ?? writer?.signalCode)
      const again = await eventually('the volume to mount again', async () => {
        const reply = await callPlugin(server, 'Mount', { ...hung, ID: 'c' })
        return reply.status === 200 ? reply.body : undefined
      })
      const kept = machine.path(join(String(again['Mountpoint']), 'file'))
      expect(readFileSync(kept, 'utf8')).toBe('whole\n')
      for (const ID of ['a', 'b', 'c']) await expectSuccess(server, 'Unmount', { ...hung, ID })
      await eventually(
        'the volume to be released',
        () => !machine.loops().join().includes('/hung/'),
      )
      await disk.takeAway()
      for (const name of [...others, 'hung']) await expectSuccess(server, 'Remove', { Name: name })
      await expectNothingLeft(machine, { pids: [server.pid] })
      expect(await server.stop()).toBe(0)
      await expectNothingLeft(machine, { pids: [], ended: true })
    },
    240_000,
  )
})

interface Timed {
  readonly status: number
  readonly error: string
  readonly ms: number
}

async function timed(call: string, body: object): Promise<Timed> {
  const begun = performance.now()
  const { status, body: said } = await callPlugin(server, call, body)
  return { status, error: String(said['Err']), ms: Math.round(performance.now() - begun) }
}

/** How long each Get and List took while the other volumes were used; what fails is thrown. */
async function lookAndWorkUntil(end: Promise<unknown>): Promise<number[]> {
  const looks: number[] = []
  let isOver = false
  const over = end.finally(() => {
    isOver = true
  })
  const looker = async () => {
    while (!isOver) {
      for (const name of [...others, 'hung']) looks.push(await successful('Get', { Name: name }))
      looks.push(await successful('List', {}))
      await sleep(20)
    }
  }
  const worker = async (name: string) => {
    for (let turn = 0; !isOver; turn++) {
      const ID = `${name}-${turn}`
      await successful('Mount', { Name: name, ID })
      await successful('Unmount', { Name: name, ID })
      await sleep(100)
    }
  }
  await Promise.all([looker(), looker(), ...others.map(worker), over])
  return looks
}

async function successful(call: string, body: object): Promise<number> {
  const { status, error, ms } = await timed(call, body)
  if (status !== 200) throw new Error(`${call} answered ${error}`)
  return ms
}

function percentile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN
}
