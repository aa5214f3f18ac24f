import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { expectNothingLeft } from '../support/leftovers.ts'
import { eventually, Machine } from '../support/machine.ts'
import { callPlugin, expectSuccess } from '../support/plugin-calls.ts'
import { runProgram, type ServerProcess, startServer } from '../support/server-process.ts'

const data = { Name: 'data' }

let machine: Machine
let server: ServerProcess

beforeEach(async () => {
  machine = await Machine.start()
  machine.write('slow/mkfs.ext4', '#!/bin/sh\nsleep 4\nexec /usr/sbin/mkfs.ext4 "$@"\n')
  chmodSync(join(machine.home, 'slow/mkfs.ext4'), 0o755)
  const PATH = `${join(machine.home, 'slow')}:${process.env['PATH']}`
  server = await startServer(machine, { env: { PATH } })
  await expectSuccess(server, 'Create', { ...data, Opts: { size: '1' } })
})
afterEach(() => machine.end())

/** The server makes a file system, and dies over it while a command waits for the volume; the mkfs goes on. */
async function commandWhileServerDies(command: string) {
  const interrupted = callPlugin(server, 'Mount', { ...data, ID: 'a' }).catch(() => undefined)
  await eventually('mkfs to begin', () => machine.loops().length > 0)
  await sleep(1_000)
  const waiting = runProgram(machine, 'volume', command, 'data')
  await sleep(1_500)
  await server.kill()
  await interrupted
  return await waiting
}

async function endServer(): Promise<void> {
  expect(await server.stop()).toBe(0)
  await expectNothingLeft(machine, { pids: [], ended: true })
}

describe('a command that waits for a volume while the server with it is killed', () => {
  test('mounts it when the mkfs of the dead server has ended, and the next server joins', async () => {
    const mounted = await commandWhileServerDies('mount')
    expect(mounted).toMatchObject({ status: 0, stderr: '' })
    server = await startServer(machine)
    await expectSuccess(server, 'Mount', { ...data, ID: 'a' })
    await expectSuccess(server, 'Unmount', { ...data, ID: 'a' })
    expect(machine.loops()).toHaveLength(1)
    expect(await runProgram(machine, 'volume', 'unmount', 'data')).toMatchObject({ status: 0 })
    expect(machine.loops()).toEqual([])
    await expectSuccess(server, 'Remove', data)
    await expectNothingLeft(machine, { pids: [server.pid] })
    await endServer()
  })

  test('removes it when the mkfs of the dead server has ended, and the next server knows nothing of it', async () => {
    expect(await commandWhileServerDies('rm')).toMatchObject({ status: 0, stderr: '' })
    server = await startServer(machine)
    const repeated = await callPlugin(server, 'Mount', { ...data, ID: 'a' })
    expect(repeated).toMatchObject({
      status: 500,
      body: { Err: expect.stringContaining('not found') },
    })
    await expectNothingLeft(machine, { pids: [server.pid] })
    await endServer()
  })
})
