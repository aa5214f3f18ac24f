import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { expectNothingLeft } from '../support/leftovers.ts'
import { eventually, type Machine } from '../support/machine.ts'
import type { PluginProxy } from '../support/plugin-proxy.ts'
import { type Podman, podmanImage, podmanRun, podmanUnavailable } from '../support/podman.ts'
import { PodmanWorld } from '../support/podman-world.ts'

const onData = ['-v', 'data:/data']

let world: PodmanWorld
let machine: Machine
let podman: Podman
let proxy: PluginProxy

describe.skipIf(podmanUnavailable !== undefined)('podman that does not wait', () => {
  beforeEach(async () => {
    world = await PodmanWorld.start()
    ;({ machine, podman, proxy } = world)
  })
  afterEach(() => world.end())

  test('gives up a Mount after its 5 s without a repeat, and finds it done when asked again', async () => {
    await withSlowMkfs(8)
    await world.create('data')
    proxy.forget()
    const first = await podman.attempt(...podmanRun, '--rm', ...onData, podmanImage, 'true')
    expect(first.status).not.toBe(0)
    expect(first.stderr).toMatch(/deadline exceeded|timeout/i)
    expect(proxy.counts('Mount', 'Unmount')).toEqual([1, 0])
    await eventually('the volume to be mounted', () =>
      machine.mounts().includes(join(machine.home, 'var/lib/volumes/data')),
    )
    expect(await podman.sh('echo in time > /data/file; cat /data/file', ...onData)).toBe('in time')
    await expectNothingLeft(machine, { volumes: ['data'] })
    await world.remove('data')
  })

  test('waits longer where volume_plugin_timeout says so', async () => {
    podman.configure({ timeoutSeconds: 30 })
    await withSlowMkfs(7)
    await world.create('data')
    expect(await podman.sh('echo waited > /data/file; cat /data/file', ...onData)).toBe('waited')
    await world.remove('data')
  })

  test.each(['dropped', 'reply lost'] as const)(
    'repeats no call whose connection breaks (%s), and the next command goes on from there',
    async (kind) => {
      await world.create('data')
      proxy.forget()
      proxy.harmNext('Mount', { kind })
      const { status } = await podman.attempt(...podmanRun, '--rm', ...onData, podmanImage, 'true')
      expect(status).not.toBe(0)
      expect(proxy.counts('Mount', 'Unmount')).toEqual([1, 0])
      expect(await podman.sh('echo on > /data/file; cat /data/file', ...onData)).toBe('on')
      expect(proxy.counts('Mount', 'Unmount')).toEqual([2, 1])
      await expectNothingLeft(machine, { volumes: ['data'] })
      await world.remove('data')
    },
  )

  async function withSlowMkfs(seconds: number): Promise<void> {
    machine.write('slow/mkfs.ext4', `#!/bin/sh\nsleep ${seconds}\nexec /usr/sbin/mkfs.ext4 "$@"\n`)
    chmodSync(join(machine.home, 'slow/mkfs.ext4'), 0o755)
    await world.server.stop()
    const PATH = `${join(machine.home, 'slow')}:${process.env['PATH']}`
    await world.restart({ PATH })
  }
})

describe.skipIf(podmanUnavailable !== undefined)('podman killed with -9', () => {
  beforeEach(async () => {
    world = await PodmanWorld.start()
    ;({ machine, podman, proxy } = world)
  })
  afterEach(() => world.end())

  test('while it waits for a Mount leaves nothing that the next one does not take over', async () => {
    await world.create('data')
    proxy.harmNext('Mount', { kind: 'reply late', delayMs: 10_000 })
    const command = podman.begin(...podmanRun, '--rm', ...onData, podmanImage, 'true')
    await eventually('the Mount to be answered', () =>
      proxy.calls.some(({ call, status }) => call === 'Mount' && status === 200),
    )
    command.kill('SIGKILL')
    await eventually('podman to end', () => command.signalCode)
    expect(proxy.count('Unmount')).toBe(0)
    expect(await podman.sh('echo on > /data/file; cat /data/file', ...onData)).toBe('on')
    await expectNothingLeft(machine, { volumes: ['data'] })
    // What a killed Podman had mounted for its container is in the way of its first attempt to clear up.
    await eventually('podman to clear up', async () => {
      return (await podman.attempt('rm', '-a', '-f')).status === 0
    })
    await world.remove('data')
  })

  test('between Mount and Unmount leaves the container its data, whose end releases the volume', async () => {
    await world.create('data')
    const script = 'echo begun > /data/file; while ! test -e /data/stop; do sleep 1; done'
    const flags = ['--name', 'kept', ...onData, podmanImage, 'sh', '-c', script]
    const command = podman.begin(...podmanRun, ...flags)
    await eventually('the container to write', async () => {
      return (await podman.attempt('exec', 'kept', 'cat', '/data/file')).stdout === 'begun\n'
    })
    command.kill('SIGKILL')
    await eventually('podman to end', () => command.signalCode)
    expect(await podman.podman('exec', 'kept', 'cat', '/data/file')).toBe('begun')
    await podman.podman('exec', 'kept', 'touch', '/data/stop')
    await expectNothingLeft(machine, { volumes: ['data'] })
    await podman.podman('rm', '-f', 'kept')
    await world.remove('data')
  })

  test('or the server under a running container costs neither data nor the release', async () => {
    await world.create('data')
    const container = await podman.sleeper(...onData)
    await world.server.kill()
    await podman.podman('exec', container, 'sh', '-c', 'echo unattended > /data/file && sync')
    await world.restart()
    await podman.podman('rm', '-f', '-t', '1', container)
    await expectNothingLeft(machine, { volumes: ['data'] })
    expect(await podman.sh('cat /data/file', ...onData)).toBe('unattended')
    await world.remove('data')
  })
})
