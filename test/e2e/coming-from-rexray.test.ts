import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { expectNothingLeft } from '../support/leftovers.ts'
import { eventually, Machine } from '../support/machine.ts'
import { expectSuccess } from '../support/plugin-calls.ts'
import { runProgram, type ServerProcess, startServer } from '../support/server-process.ts'

/** Where REX-Ray's versions mounted, by the name of the volume that they mount here. */
const PLACES = {
  fourth: '/var/lib/libstorage/volumes/fourth',
  third: '/var/lib/rexray/volumes/third',
  eleventh: '/var/lib/rexray/docker/volumes/eleventh',
}
const MANAGED = '/var/lib/docker/plugins/3f1a/propagated-mount/volumes/managed'

let machine: Machine
beforeEach(async () => {
  machine = await Machine.start()
  // What lies in these folders on the machine below is not this one's.
  await onMachine('mount', '-t', 'tmpfs', 'tmpfs', '/var/lib')
})
afterEach(() => machine.end())

async function onMachine(command: string, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await machine.run(command, args)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return stdout
}

const fileIn = (folder: string) => machine.path(join(folder, 'data/file'))

async function mountsAt(place: string): Promise<number> {
  const lines = (await onMachine('cat', '/proc/self/mountinfo')).split('\n')
  return lines.filter((line) => line.split(' ')[4] === place).length
}

/** Makes a volume with a file in it, and leaves it mounted at this place as if REX-Ray had done it. */
async function leaveAt(name: string, place: string): Promise<void> {
  const program = async (...args: readonly string[]) => {
    const { status, stderr } = await runProgram(machine, ...args)
    expect([status, stderr]).toEqual([0, ''])
  }
  await program('volume', 'create', name, '--size', '1')
  await program('volume', 'mount', name)
  const folder = join(machine.home, 'var/lib/volumes', name)
  await onMachine('sh', '-c', 'echo kept > "$0"', join(folder, 'data/file'))
  const [device = ''] =
    machine
      .loops()
      .find((loop) => loop.includes(`/${name}/`))
      ?.split(' ') ?? []
  await onMachine('mkdir', '-p', place)
  await onMachine('mount', device, place)
  await onMachine('umount', folder)
}

/** A server that knows of nothing that was here before it. */
async function startedFresh(): Promise<ServerProcess> {
  const ledger = join(machine.home, 'var/lib/ledger/loop')
  for (const file of readdirSync(ledger)) rmSync(join(ledger, file))
  return await startServer(machine)
}

describe('a host on which REX-Ray ran', () => {
  test('has its mounts adopted where each of its versions made them, and let go at their last Unmount', async () => {
    for (const [name, place] of Object.entries(PLACES)) await leaveAt(name, place)
    const server = await startedFresh()
    for (const [name, place] of Object.entries(PLACES)) {
      const holder = { Name: name, ID: 'a' }
      const { Mountpoint } = await expectSuccess(server, 'Mount', holder)
      expect(Mountpoint).toBe(join(machine.home, 'var/lib/volumes', name, 'data'))
      expect(readFileSync(machine.path(`${Mountpoint}/file`), 'utf8')).toBe('kept\n')
      expect(await mountsAt(place)).toBe(1)
      await expectSuccess(server, 'Unmount', holder)
      expect(await mountsAt(place)).toBe(0)
    }
    await expectNothingLeft(machine, { volumes: Object.keys(PLACES) })
    const events = readFileSync(join(machine.home, 'var/log/events.jsonl'), 'utf8')
    expect(events.match(/"adopted"/g)).toHaveLength(3)
  })

  test('keeps what a managed plugin mounts in its own folder, and the volume until that lets go', async () => {
    await leaveAt('managed', MANAGED)
    const server = await startedFresh()
    const holder = { Name: 'managed', ID: 'a' }
    const { Mountpoint } = await expectSuccess(server, 'Mount', holder)
    expect(readFileSync(machine.path(`${Mountpoint}/file`), 'utf8')).toBe('kept\n')
    await expectSuccess(server, 'Unmount', holder)
    await eventually(
      'the release to have found it held',
      () => machine.mounts().length === 0 && ledger().includes('"releasing"'),
    )
    expect(await mountsAt(MANAGED)).toBe(1)
    expect(readFileSync(fileIn(MANAGED), 'utf8')).toBe('kept\n')
    expect(machine.loops()).toHaveLength(1)
    await onMachine('umount', MANAGED)
    await expectNothingLeft(machine, { volumes: ['managed'] })
  })
})

function ledger(): string {
  const folder = join(machine.home, 'var/lib/ledger/loop')
  return readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join()
}
