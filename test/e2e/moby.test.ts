import { linkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startCountedServer } from '../support/counted-server.ts'
import { Engine, image } from '../support/dockerd.ts'
import { makeForeign, refusedContents } from '../support/foreign-content.ts'
import { expectNothingLeft } from '../support/leftovers.ts'
import { eventually, Machine } from '../support/machine.ts'
import { PluginProxy } from '../support/plugin-proxy.ts'
import { runProgram, type ServerProcess } from '../support/server-process.ts'

const GIB = 2 ** 30
const used = ['Create', 'Remove', 'Mount', 'Unmount'] as const
const quiet = ['run', '--network', 'none']
const plugin = ['--volume-driver', 'rexray']

let machine: Machine
let engine: Engine
let server: ServerProcess
let proxy: PluginProxy

beforeAll(async () => {
  machine = await Machine.start()
  engine = new Engine(machine)
  const started = await startCountedServer(machine, 'libstorage: {service: loop}')
  server = started.server
  proxy = started.proxy
  await engine.start()
})
afterAll(async () => {
  await machine.end()
  await proxy.close()
})
beforeEach(() => proxy.forget())
afterEach(async () => {
  const containers = await engine.docker('ps', '-aq')
  if (containers !== '') await engine.docker('rm', '-f', '-v', ...containers.split('\n'))
  const volumes = await engine.docker('volume', 'ls', '-q')
  if (volumes !== '') await engine.docker('volume', 'rm', ...volumes.split('\n'))
  await expectNothingLeft(machine)
})

/** As moby's suite does for each of its cases: an engine that knows no plugin yet. */
async function freshEngine(): Promise<void> {
  await engine.stop()
  await engine.start()
  proxy.forget()
}

const create = (name: string, ...flags: string[]) =>
  engine.docker('volume', 'create', '-d', 'rexray', '-o', 'size=1', ...flags, name)

/** The cases of integration-cli/docker_cli_external_volume_driver_test.go of moby, under their names. */
describe('DockerExternalVolumeSuite', () => {
  test('TestVolumeCLICreateOptionConflict', async () => {
    await engine.docker('volume', 'create', 'test')
    const { status, stderr } = await engine.attempt('volume', 'create', '-d', 'rexray', 'test')
    expect([status, stderr]).toEqual([1, expect.stringContaining('must be unique')])
    expect(proxy.counts(...used)).toEqual([0, 0, 0, 0])
    expect(await engine.docker('volume', 'create', '-d', 'local', 'test')).toBe('test')
  })

  test('TestExternalVolumeDriverNamed', async () => {
    await freshEngine()
    const said = await engine.sh(
      'echo here > /tmp/external/test && cat /tmp/external/test',
      ...plugin,
      ...['-v', 'external-volume-test:/tmp/external'],
    )
    expect(said).toBe('here')
    await engine.docker('volume', 'rm', 'external-volume-test')
    expect(proxy.counts('Activate', ...used)).toEqual([1, 1, 1, 1, 1])
    await expectNothingLeft(machine)
  })

  test('TestExternalVolumeDriverUnnamed', async () => {
    await freshEngine()
    const flags = [...plugin, '-v', '/tmp/external']
    expect(await engine.sh('touch /tmp/external/test && ls /tmp/external', ...flags)).toBe('test')
    expect(proxy.counts('Activate', ...used)).toEqual([1, 1, 1, 1, 1])
  })

  test('TestExternalVolumeDriverVolumesFrom', async () => {
    await engine.docker(...quiet, '--name', 'vol-test1', '-v', '/foo', ...plugin, image, 'true')
    await engine.sh('ls /foo', '--volumes-from', 'vol-test1', ...plugin)
    await engine.docker('rm', '-f', '-v', 'vol-test1')
    expect(proxy.counts(...used)).toEqual([1, 1, 2, 2])
  })

  test('TestExternalVolumeDriverDeleteContainer', async () => {
    await engine.docker(...quiet, '--name', 'vol-test1', '-v', '/foo', ...plugin, image, 'true')
    await engine.docker('rm', '-f', '-v', 'vol-test1')
    expect(proxy.counts(...used)).toEqual([1, 1, 1, 1])
  })

  test('TestExternalVolumeDriverLookupNotBlocked', async () => {
    const dead = join(machine.home, 'run/docker/plugins/down.sock')
    const other = await PluginProxy.start(join(machine.home, 'run/other.sock'), server.socket)
    linkSync(join(machine.home, 'run/other.sock'), dead)
    await other.close()
    const ended: string[] = []
    const note = (what: string) => (outcome: { status: number | null }) => {
      ended.push(`${what} ${outcome.status}`)
    }
    const hanging = engine.attempt('volume', 'create', '-d', 'down', 'foo').then(note('down'))
    await sleep(500)
    await engine.attempt('volume', 'create', '-d', 'local', 'bar').then(note('local'))
    await create('baz')
    expect(ended).toEqual(['local 0'])
    await machine.run('rm', [dead])
    await hanging
    expect(ended).toEqual(['local 0', 'down 1'])
  })

  test('TestExternalVolumeDriverRetryNotImmediatelyExists', async () => {
    const running = engine.sh('touch /tmp/x/test && ls /tmp/x', ...lateFlags)
    await sleep(2_000)
    const late = await PluginProxy.start(
      join(machine.home, 'run/docker/plugins/late.sock'),
      server.socket,
    )
    try {
      expect(await running).toBe('test')
      await engine.docker('volume', 'rm', 'external-volume-test')
      expect(late.counts('Activate', ...used)).toEqual([1, 1, 1, 1, 1])
    } finally {
      await late.close()
      await freshEngine()
    }
  })

  test('TestExternalVolumeDriverBindExternalVolume', async () => {
    await create('foo')
    await engine.docker(...quiet, '-d', '--name', 'testing', '-v', 'foo:/bar', image, 'true')
    const [mount] = JSON.parse(await engine.docker('inspect', '-f', '{{json .Mounts}}', 'testing'))
    expect(mount).toMatchObject({ Name: 'foo', Driver: 'rexray' })
  })

  test('TestExternalVolumeDriverList', async () => {
    await create('abc3')
    proxy.forget()
    const listed = await engine.docker('volume', 'ls', '--format', '{{.Driver}} {{.Name}}')
    expect(listed).toBe('rexray abc3')
    expect(proxy.count('List')).toBe(1)
  })

  test('TestExternalVolumeDriverGet', async () => {
    const { status, stderr } = await engine.attempt('volume', 'inspect', 'dummy')
    expect([status, stderr]).toEqual([1, expect.stringMatching(/no such volume/i)])
    expect(proxy.count('Get')).toBe(1)
    await create('test')
    const [found] = JSON.parse(await engine.docker('volume', 'inspect', 'test'))
    expect(found.Status).toMatchObject({ service: 'loop', size: 1 })
  })

  test('TestExternalVolumeDriverWithDaemonRestart', async () => {
    await create('abc1')
    await freshEngine()
    await engine.docker(...quiet, '--name', 'test', '-v', 'abc1:/foo', image, 'true')
    const [mount] = JSON.parse(await engine.docker('inspect', '-f', '{{json .Mounts}}', 'test'))
    expect(mount).toMatchObject({ Name: 'abc1', Driver: 'rexray' })
  })

  test('TestExternalVolumeDriverGetEmptyResponse', async () => {
    await create('abc2')
    proxy.harmNext('Get', { kind: 'answered', status: 200, text: '{}' })
    const { stderr } = await engine.attempt('volume', 'inspect', 'abc2')
    expect(stderr).toMatch(/no such volume/i)
    const [found] = JSON.parse(await engine.docker('volume', 'inspect', 'abc2'))
    expect(found).toMatchObject({ Name: 'abc2', Driver: 'rexray' })
  })

  test('TestExternalVolumeDriverPathCalls', async () => {
    await create('test')
    await engine.docker('volume', 'ls')
    await engine.sh('true', '-v', 'test:/foo')
    expect(proxy.count('Path')).toBe(0)
  })

  test('TestExternalVolumeDriverMountID', async () => {
    await engine.sh('true', ...plugin, '-v', 'external-volume-test:/tmp/x')
    const [mount, unmount] = proxy.calls.filter(({ call }) => /mount/i.test(call))
    expect(mount?.body['ID']).toMatch(/^[0-9a-f]{64}$/)
    expect(unmount?.body['ID']).toBe(mount?.body['ID'])
  })

  test('TestExternalVolumeDriverCapabilities', async () => {
    await freshEngine()
    for (const name of ['test1', 'test2', 'test3']) await create(name)
    expect(proxy.count('Capabilities')).toBe(1)
    const scope = await engine.docker('volume', 'inspect', '-f', '{{.Scope}}', 'test1')
    expect(proxy.calls.find(({ call }) => call === 'Capabilities')?.reply).toEqual({
      Capabilities: { Scope: scope },
    })
    expect(scope).toBe('local')
  })

  test('TestExternalVolumeDriverOutOfBandDelete', async () => {
    await create('test')
    const [made] = JSON.parse(await engine.docker('volume', 'inspect', 'test'))
    expect(made.Options).toEqual({ size: '1' })
    await behindDocker('test')
    await engine.docker('volume', 'create', '-d', 'rexray', '-o', 'size=2', 'test')
    const [again] = JSON.parse(await engine.docker('volume', 'inspect', 'test'))
    expect(again).toMatchObject({ Driver: 'rexray', Options: { size: '2' }, Status: { size: 2 } })
    await behindDocker('test')
    await engine.docker('volume', 'create', '-d', 'local', 'test')
    const [local] = JSON.parse(await engine.docker('volume', 'inspect', 'test'))
    expect(local.Driver).toBe('local')
  })

  test('TestExternalVolumeDriverUnmountOnMountFail', async () => {
    const [content] = refusedContents
    if (content === undefined) throw new Error('no content')
    await create('test')
    await makeForeign(content, join(machine.home, 'var/lib/loop/test/disk'), GIB)
    for (const flags of [[], ['-w', '/foo']]) {
      const run = await engine.attempt(...quiet, ...flags, '-v', 'test:/foo', image, 'true')
      expect([run.status, run.stderr]).toEqual([125, expect.stringContaining('volume "test"')])
    }
    expect(proxy.counts('Mount', 'Unmount')).toEqual([2, 0])
  })

  test('TestExternalVolumeDriverUnmountOnCp', async () => {
    await create('test')
    const container = await engine.sleeper('-v', 'test:/foo')
    expect(proxy.counts('Mount', 'Unmount')).toEqual([1, 0])
    await engine.docker('cp', '/etc/hostname', `${container}:/foo/name`)
    const [mounts = 0, unmounts = 0] = proxy.counts('Mount', 'Unmount')
    expect(mounts).toBeGreaterThan(1)
    expect(mounts - unmounts).toBe(1)
    expect(machine.mounts()).toContain(join(machine.home, 'var/lib/volumes/test'))
    await engine.docker('kill', container)
    expect(proxy.count('Unmount')).toBe(mounts)
  })
})

const lateFlags = ['--volume-driver', 'late', '-v', 'external-volume-test:/tmp/x']

/** Removes a volume by the command line, and waits the few seconds for which the server believes its last look. */
async function behindDocker(name: string): Promise<void> {
  expect(await runProgram(machine, 'volume', 'rm', name)).toMatchObject({ status: 0 })
  await eventually('the server to look again', async () => {
    const { status } = await engine.attempt('volume', 'inspect', name)
    return status !== 0
  })
}
