import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startCountedServer } from '../support/counted-server.ts'
import { Engine, image } from '../support/dockerd.ts'
import { expectNothingLeft } from '../support/leftovers.ts'
import { eventually, Machine } from '../support/machine.ts'
import type { PluginProxy } from '../support/plugin-proxy.ts'

const quiet = ['run', '--network', 'none']
const onData = ['-v', 'data:/data']

let machine: Machine
let engine: Engine
let proxy: PluginProxy

beforeAll(async () => {
  machine = await Machine.start()
  engine = new Engine(machine)
  proxy = (await startCountedServer(machine, 'libstorage: {service: loop}')).proxy
  await engine.start()
})
afterAll(async () => {
  await machine.end()
  await proxy.close()
})
beforeEach(async () => {
  await engine.docker('volume', 'create', '-d', 'rexray', '-o', 'size=1', 'data')
  proxy.forget()
})
afterEach(async () => {
  const containers = await engine.docker('ps', '-aq')
  if (containers !== '') await engine.docker('rm', '-f', ...containers.split('\n'))
  await engine.docker('volume', 'rm', '-f', 'data')
  await expectNothingLeft(machine)
})

/** Every call but the questions, which differ between versions of Docker. */
const changes = () =>
  proxy.calls.map(({ call }) => call).filter((call) => !['Get', 'List'].includes(call))
const ids = (call: string) =>
  proxy.calls.filter((seen) => seen.call === call).map(({ body }) => body['ID'])

describe('what docker commands send to a v1 plugin', () => {
  test('volume create of what is there: Get only, whatever the options', async () => {
    const args = ['volume', 'create', '-d', 'rexray', '-o', 'size=7', 'data']
    expect(await engine.docker(...args)).toBe('data')
    expect([changes(), proxy.count('Get')]).toEqual([[], 1])
    const { status } = await engine.attempt('volume', 'create', 'data')
    expect([status, changes()]).toEqual([1, []])
  })

  test('volume prune and system df: nothing that changes a volume', async () => {
    await engine.docker('volume', 'prune', '-f')
    await engine.docker('system', 'df')
    expect(changes()).toEqual([])
    expect(await engine.docker('volume', 'ls', '-q')).toBe('data')
  })

  test('volume rm that is refused: Remove, and the volume lists again', async () => {
    const text = JSON.stringify({ Err: 'volume "data" is in use by somebody' })
    proxy.harmNext('Remove', { kind: 'answered', status: 500, text })
    const { status, stderr } = await engine.attempt('volume', 'rm', '-f', 'data')
    expect([status, stderr]).toEqual([1, expect.stringContaining('in use by somebody')])
    expect(changes()).toEqual(['Remove'])
    expect(await engine.docker('volume', 'ls', '-q')).toBe('data')
  })

  test('run without a driver: the plugin that knows the name is found', async () => {
    expect(await engine.sh('echo x > /data/file && cat /data/file', ...onData)).toBe('x')
    expect(changes()).toEqual(['Mount', 'Unmount'])
    expect(await engine.docker('volume', 'ls', '--format', '{{.Driver}}')).toBe('rexray')
  })

  test('one volume twice in a container: two Mounts with ids of their own, two Unmounts', async () => {
    const seen = await engine.sh('echo x > /data/file; cat /b/file', ...onData, '-v', 'data:/b')
    expect(seen).toBe('x')
    expect(changes()).toEqual(['Mount', 'Mount', 'Unmount', 'Unmount'])
    expect(new Set(ids('Mount')).size).toBe(2)
    expect(new Set(ids('Unmount'))).toEqual(new Set(ids('Mount')))
  })

  test('restart: an Unmount, and a Mount with a new id', async () => {
    const container = await engine.sleeper(...onData)
    await engine.docker('restart', '-t', '1', container)
    expect(changes()).toEqual(['Mount', 'Unmount', 'Mount'])
    expect(new Set(ids('Mount')).size).toBe(2)
  })

  test('pause, unpause, exec, export, and rm of a stopped container: nothing', async () => {
    const container = await engine.sleeper(...onData)
    proxy.forget()
    await engine.docker('pause', container)
    await engine.docker('unpause', container)
    await engine.docker('exec', container, 'true')
    await engine.docker('export', '-o', join(machine.home, 'exported'), container)
    expect(changes()).toEqual([])
    await engine.docker('stop', container)
    expect(changes()).toEqual(['Unmount'])
    await engine.docker('rm', '-v', container)
    expect(changes()).toEqual(['Unmount'])
  })

  test('cp with a stopped container: a Mount and an Unmount', async () => {
    const container = await engine.docker('create', '--network', 'none', ...onData, image, 'true')
    proxy.forget()
    await engine.docker('cp', '/etc/hostname', `${container}:/data/name`)
    expect(new Set(changes())).toEqual(new Set(['Mount', 'Unmount']))
    expect(proxy.count('Mount')).toBe(proxy.count('Unmount'))
    await eventually('the volume to be released', () => machine.loops().length === 0)
  })

  test('run of a command that does not exist: its Mount is taken back', async () => {
    const { status } = await engine.attempt(...quiet, ...onData, image, 'no-such-command')
    expect(status).toBe(127)
    expect(changes()).toEqual(['Mount', 'Unmount'])
    await expectNothingLeft(machine, { volumes: ['data'] })
  })
})
