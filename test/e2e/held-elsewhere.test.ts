import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Engine } from '../support/dockerd.ts'
import { expectNothingLeft } from '../support/leftovers.ts'
import { Machine } from '../support/machine.ts'
import { callPlugin, expectSuccess } from '../support/plugin-calls.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

const data = { Name: 'data' }
const volume = ['--mount', 'type=volume,source=data,target=/data,volume-driver=rexray']

let machine: Machine
let server: ServerProcess
let engine: Engine

beforeEach(async () => {
  machine = await Machine.start()
  server = await startServer(machine)
  engine = new Engine(machine)
  await engine.start()
})
afterEach(() => machine.end())

/** The ids under which the volumes of this machine are mounted. */
function mountIds(): string[] {
  const folder = join(machine.home, 'var/lib/ledger/loop')
  return readdirSync(folder).flatMap((file) =>
    JSON.parse(readFileSync(join(folder, file), 'utf8')).references.map(
      ({ id }: { id: string }) => id,
    ),
  )
}

async function restartServer(): Promise<void> {
  await server.kill()
  server = await startServer(machine)
}

const mountPoint = () => join(machine.home, 'var/lib/volumes/data')

describe('a container that keeps the volume in a namespace of its own', () => {
  test('keeps its device after umount on the host, a restart and an Unmount, until it ends', async () => {
    const container = await engine.sleeper(...volume)
    const inside = (script: string) => engine.docker('exec', container, 'sh', '-c', script)
    await inside('echo first > /data/file && sync')
    expect(await machine.run('umount', [mountPoint()])).toMatchObject({ status: 0 })
    expect(machine.mounts()).not.toContain(mountPoint())
    await restartServer()

    const [ID] = mountIds()
    expect(ID).toMatch(/^[0-9a-f]{64}$/)
    await expectSuccess(server, 'Unmount', { ...data, ID })
    await restartServer()
    expect(machine.loops()).toHaveLength(1)
    await inside('echo second >> /data/file && sync')

    const removed = await callPlugin(server, 'Remove', data)
    expect(removed).toMatchObject({
      status: 500,
      body: { Err: expect.stringContaining('volume "data" is in use by') },
    })
    expect(machine.loops()).toHaveLength(1)
    await inside('echo third >> /data/file && sync')

    await engine.docker('rm', '-f', container)
    await expectNothingLeft(machine, { volumes: ['data'] })
    expect(await engine.sh('cat /data/file', ...volume)).toBe('first\nsecond\nthird')
    await engine.docker('volume', 'rm', 'data')
    await expectNothingLeft(machine)
  })

  test('is joined by the next one, whose volume is neither checked nor formatted meanwhile', async () => {
    const one = await engine.sleeper(...volume)
    await engine.docker('exec', one, 'sh', '-c', 'echo first > /data/file && sync')
    expect(await machine.run('umount', [mountPoint()])).toMatchObject({ status: 0 })
    await restartServer()
    const two = await engine.sleeper(...volume)
    await engine.docker('exec', two, 'sh', '-c', 'echo second >> /data/file && sync')
    expect(await engine.docker('exec', one, 'cat', '/data/file')).toBe('first\nsecond')
    await engine.docker('rm', '-f', one)
    expect(await engine.docker('exec', two, 'cat', '/data/file')).toBe('first\nsecond')
    await engine.docker('rm', '-f', two)
    await expectNothingLeft(machine, { volumes: ['data'] })
    const events = readFileSync(join(machine.home, 'var/log/events.jsonl'), 'utf8')
    expect(events.match(/"formatted"/g)).toHaveLength(1)
    await engine.docker('volume', 'rm', 'data')
    await expectNothingLeft(machine)
  })
})
