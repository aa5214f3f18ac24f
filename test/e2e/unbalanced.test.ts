import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startCountedServer, startServerBehind } from '../support/counted-server.ts'
import { Engine } from '../support/dockerd.ts'
import { expectNothingLeft } from '../support/leftovers.ts'
import { Machine } from '../support/machine.ts'
import type { Fault, PluginProxy } from '../support/plugin-proxy.ts'
import type { ServerProcess } from '../support/server-process.ts'

const volume = ['--mount', 'type=volume,source=data,target=/data,volume-driver=rexray']
const refusal: Fault = { kind: 'answered', status: 500, text: '{"Err":"no"}' }

let machine: Machine
let engine: Engine
let server: ServerProcess
let proxy: PluginProxy

async function begin(liveRestore: boolean): Promise<void> {
  machine = await Machine.start()
  engine = new Engine(machine, { liveRestore })
  const started = await startCountedServer(machine, 'libstorage: {service: loop}')
  server = started.server
  proxy = started.proxy
  await engine.start()
}
afterEach(async () => {
  await machine.end()
  await proxy.close()
})

async function containerWithFile(): Promise<string> {
  const container = await engine.sleeper(...volume)
  await engine.docker('exec', container, 'sh', '-c', 'echo whole > /data/file && sync')
  return container
}

/** The same id came again, and the container has its data. */
async function expectStartedAgain(container: string): Promise<void> {
  await engine.docker('start', container)
  expect(await engine.docker('exec', container, 'cat', '/data/file')).toBe('whole')
}

/** Who needs the data next finds it. */
async function expectGoodEnd(container: string): Promise<void> {
  await engine.docker('rm', '-f', container)
  expect(await engine.sh('cat /data/file', ...volume)).toBe('whole')
}

/** However many references are left. */
async function expectRemovable(): Promise<void> {
  await engine.docker('volume', 'rm', 'data')
  await expectNothingLeft(machine)
}

const mountIds = () =>
  new Set(proxy.calls.filter(({ call }) => call === 'Mount').map(({ body }) => body['ID']))

describe('Mounts and Unmounts that do not balance', () => {
  beforeEach(() => begin(false))

  test('an Unmount that was refused is followed by a Mount with the same id', async () => {
    const container = await containerWithFile()
    proxy.harmNext('Unmount', refusal)
    await engine.docker('stop', container)
    await expectStartedAgain(container)
    expect(mountIds().size).toBe(1)
    await engine.docker('stop', container)
    await expectGoodEnd(container)
    await expectRemovable()
  })

  test('a Get that failed when the container stopped costs the Unmount', async () => {
    const container = await containerWithFile()
    proxy.forget()
    proxy.harmNext('Get', refusal)
    await engine.docker('stop', container)
    expect(proxy.count('Unmount')).toBe(0)
    await expectStartedAgain(container)
    await expectGoodEnd(container)
  })

  test('a plugin that is away when the container stops never hears of it', async () => {
    const container = await containerWithFile()
    await server.kill()
    await engine.docker('kill', container)
    server = await startServerBehind(machine)
    await expectStartedAgain(container)
    await expectGoodEnd(container)
  })

  test('a cp whose Mount fails unmounts what the running container has', async () => {
    const container = await containerWithFile()
    // The client looks first, and copies whatever comes of that.
    for (let calls = 0; calls < 2; calls++) proxy.harmNext('Mount', refusal)
    const { status } = await engine.attempt('cp', '/etc/hostname', `${container}:/data/name`)
    expect(status).not.toBe(0)
    await engine.docker('exec', container, 'sh', '-c', 'touch /data/later && sync')
    expect(await engine.docker('exec', container, 'cat', '/data/file')).toBe('whole')
    await engine.docker('stop', container)
    await expectStartedAgain(container)
    await expectGoodEnd(container)
    await expectRemovable()
  })

  test.each(['body lost', 'dropped', 'reply lost'] as const)(
    'a Mount on its way (%s) starts no container without its data',
    async (kind) => {
      await containerWithFile().then((container) => engine.docker('rm', '-f', container))
      proxy.harmNext('Mount', { kind })
      const run = await engine.attempt(
        ...['run', '-d', '--network', 'none', '--name', 'second', ...volume, 'remora-test'],
        ...['sleep', '1000'],
      )
      // What broke is repeated without its body, which no success may come of.
      expect([run.status, run.stderr]).toEqual([125, expect.stringContaining('empty request')])
      await expectStartedAgain('second')
      await expectGoodEnd('second')
    },
  )
})

describe('Mounts and Unmounts that do not balance with live restore', () => {
  beforeEach(() => begin(true))

  test('a cp after dockerd came back costs the Unmount at the end', async () => {
    const container = await containerWithFile()
    await engine.kill()
    await engine.start()
    await engine.docker('cp', '/etc/hostname', `${container}:/data/name`)
    expect(await engine.docker('exec', container, 'cat', '/data/file')).toBe('whole')
    expect(machine.mounts()).toContain(join(machine.home, 'var/lib/volumes/data'))
    await expectGoodEnd(container)
    await expectRemovable()
  })
})
