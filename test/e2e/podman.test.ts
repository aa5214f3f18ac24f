import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PODMAN_ID } from '../support/docker-client.ts'
import { makeForeign, refusedContents } from '../support/foreign-content.ts'
import { expectNothingLeft, leftovers } from '../support/leftovers.ts'
import { eventually, type Machine } from '../support/machine.ts'
import { expectSuccess } from '../support/plugin-calls.ts'
import type { PluginProxy } from '../support/plugin-proxy.ts'
import { type Podman, podmanImage, podmanRun, podmanUnavailable } from '../support/podman.ts'
import { PodmanWorld } from '../support/podman-world.ts'
import { runProgram } from '../support/server-process.ts'

const GIB = 2 ** 30
const onData = ['-v', 'data:/data']

let world: PodmanWorld
let machine: Machine
let podman: Podman
let proxy: PluginProxy

const calls = () => proxy.calls.map(({ call }) => call)

describe.skipIf(podmanUnavailable !== undefined)('podman', () => {
  beforeEach(async () => {
    world = await PodmanWorld.start()
    ;({ machine, podman, proxy } = world)
  })
  afterEach(() => world.end())

  test('creates with options, lists, inspects and removes, with the calls of one process each', async () => {
    await world.create('data', '--opt', 'newfstype=xfs', '--label', 'a=b')
    expect(calls()).toEqual(['Activate', 'Get', 'Create'])
    expect(proxy.calls[2]?.body).toEqual({ Name: 'data', Opts: { size: '1', newfstype: 'xfs' } })
    const listed = await podman.podman('volume', 'ls', '--format', '{{.Driver}} {{.Name}}')
    expect(listed).toBe('rexray data')
    const [found] = JSON.parse(await podman.podman('volume', 'inspect', 'data'))
    expect(found).toMatchObject({ Name: 'data', Driver: 'rexray', Status: { size: 1 } })
    const again = await podman.attempt('volume', 'create', '--driver', 'rexray', 'data')
    expect([again.status, again.stderr]).toEqual([125, expect.stringContaining('already exists')])
    proxy.forget()
    await world.remove('data')
    expect(calls()).toEqual(['Activate', 'Get', 'Remove'])
  })

  test('says why a volume cannot be made, and makes none', async () => {
    const { status, stderr } = await podman.attempt(
      ...['volume', 'create', '--driver', 'rexray', '--opt', 'syze=1', 'data'],
    )
    expect([status, stderr]).toEqual([125, expect.stringContaining('did you mean size?')])
    expect(await podman.podman('volume', 'ls', '-q')).toBe('')
    await expectNothingLeft(machine)
  })

  test('says that a plugin is missing, or its socket', async () => {
    const make = (driver: string) => podman.attempt('volume', 'create', '--driver', driver, 'data')
    expect(await make('other')).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('required plugin missing'),
    })
    podman.configure({ plugins: { rexray: join(machine.home, 'nowhere.sock') } })
    expect(await make('rexray')).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('cannot access plugin'),
    })
  })

  test('writes in one container and reads in the next, always under its one id', async () => {
    await world.create('data')
    await podman.sh('echo kept > /data/file', ...onData)
    expect(await podman.sh('cat /data/file && ls -A /data', ...onData)).toBe('kept\nfile')
    const mounts = proxy.calls.filter(({ call }) => call === 'Mount' || call === 'Unmount')
    expect(mounts.map(({ call, body }) => [call, body['ID']])).toEqual([
      ['Mount', PODMAN_ID],
      ['Unmount', PODMAN_ID],
      ['Mount', PODMAN_ID],
      ['Unmount', PODMAN_ID],
    ])
    await world.remove('data')
  })

  test('gives two containers one Mount, and the end of the second releases the volume', async () => {
    await world.create('data')
    const one = await podman.sleeper(...onData)
    const two = await podman.sleeper(...onData)
    expect(proxy.count('Mount')).toBe(1)
    await podman.podman('exec', one, 'sh', '-c', 'echo shared > /data/file')
    expect(await podman.podman('exec', two, 'cat', '/data/file')).toBe('shared')
    const refused = await podman.attempt('volume', 'rm', 'data')
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('being used')])
    await podman.podman('stop', one)
    await podman.podman('rm', one)
    expect(proxy.count('Unmount')).toBe(0)
    await podman.podman('exec', two, 'sh', '-c', 'echo more >> /data/file && sync')
    await podman.podman('restart', '-t', '1', two)
    expect(await podman.podman('exec', two, 'cat', '/data/file')).toBe('shared\nmore')
    await podman.podman('rm', '-f', '-t', '1', two)
    await expectNothingLeft(machine, { volumes: ['data'] })
    await world.remove('data')
  })

  test('removes what no container has with prune, and leaves alone what one has', async () => {
    await world.create('data')
    await world.create('spare')
    const container = await podman.sleeper(...onData)
    expect(await podman.podman('volume', 'prune', '-f')).toBe('spare')
    const left = leftovers(machine).join('\n')
    expect(left).toContain('/volumes/data')
    expect(left).not.toContain('spare')
    await podman.podman('rm', '-f', '-t', '1', container)
    expect(await podman.podman('volume', 'prune', '-f')).toBe('data')
    await expectNothingLeft(machine)
  })

  test('learns by volume reload what came and went without it', async () => {
    await world.create('gone')
    await runProgram(machine, 'volume', 'create', 'come', '--size', '1')
    await runProgram(machine, 'volume', 'rm', 'gone')
    await eventually('the server to look again', async () => {
      const { Volumes } = await expectSuccess(world.server, 'List')
      return JSON.stringify(Volumes).includes('gone') === false
    })
    expect(await podman.podman('volume', 'reload')).toBe('Added:\ncome\nRemoved:\ngone')
    await world.remove('come')
  })

  test('forgets a volume whose plugin is away, and the volume is kept', async () => {
    await world.create('data')
    await podman.sh('echo kept > /data/file', ...onData)
    await world.server.stop()
    const { status } = await podman.attempt('volume', 'rm', 'data')
    expect(status).not.toBe(0)
    expect(await podman.podman('volume', 'ls', '-q')).toBe('')
    await world.restart()
    expect(await world.create('data')).toBe('data')
    expect(await podman.sh('cat /data/file', ...onData)).toBe('kept')
    await world.remove('data')
  })

  test('starts no container with a volume that cannot be mounted', async () => {
    const [content] = refusedContents
    if (content === undefined) throw new Error('no content')
    await world.create('data')
    await makeForeign(content, join(machine.home, 'var/lib/loop/data/disk'), GIB)
    const { status, stdout, stderr } = await podman.attempt(
      ...[...podmanRun, '--rm', ...onData, podmanImage, 'ls', '/data'],
    )
    expect([status, stdout]).toEqual([126, ''])
    expect(stderr).toContain('volume "data"')
    expect(proxy.count('Unmount')).toBe(0)
    await world.remove('data')
  })

  test('leaves its volume to another client that has it mounted too', async () => {
    await world.create('data')
    const { Mountpoint } = await expectSuccess(world.server, 'Mount', {
      Name: 'data',
      ID: 'docker',
    })
    await podman.sh('echo both > /data/file', ...onData)
    expect(proxy.count('Unmount')).toBe(1)
    const seen = await machine.run('cat', [join(String(Mountpoint), 'file')])
    expect(seen.stdout).toBe('both\n')
    await expectSuccess(world.server, 'Unmount', { Name: 'data', ID: 'docker' })
    await expectNothingLeft(machine, { volumes: ['data'] })
    await world.remove('data')
  })
})
