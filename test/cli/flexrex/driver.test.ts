import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { mountAt } from '../../../src/cli/flexrex/pod-mounts.ts'
import { silentLogger } from '../../../src/libstorage/logger.ts'
import { run } from '../../../src/libstorage/run.ts'
import { createPluginApp } from '../../../src/plugin-api/app.ts'
import { type PluginServer, startPluginServer } from '../../../src/plugin-api/server.ts'
import { aVolume } from '../../support/a-volume.ts'
import { CommandLine } from '../../support/command-line.ts'
import { canMount, DiskWorld, tool } from '../../support/disk-world.ts'
import { InMemoryVolumes } from '../../support/in-memory-volumes.ts'

const HOLDER = '3f2a-77b/db'

let home: string
let folder: string
let volumes: InMemoryVolumes
let server: PluginServer
let line: CommandLine
beforeEach(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'flex-driver-'))
  folder = path.join(home, 'pods/3f2a-77b/volumes/rexray~flexrex/db')
  const served = ['data', 'logs'].map((name) => aVolume({ name }))
  volumes = new InMemoryVolumes({ volumes: served, service: 'ebs', scope: 'local' })
  await serve()
})
afterEach(async () => {
  await server.close()
  rmSync(home, { recursive: true, force: true })
})

async function serve(): Promise<void> {
  const host = path.join(home, 'rexray.sock')
  const app = createPluginApp({ volumes, logger: silentLogger })
  server = await startPluginServer({ host, app, logger: silentLogger })
  line = new CommandLine(volumes)
  line.directories = { ...line.directories, run: path.join(home, 'run') }
  const module = { name: 'default-docker', host: `unix://${host}`, service: undefined, spec: '' }
  line.config = { modules: [module] }
}

/** Says one thing and nothing else, as kubelet needs it. */
async function answer(...words: string[]): Promise<unknown> {
  const { status, stdout, stderr } = await line.run('flexrex', 'call', '--', ...words)
  const answered: { readonly status: string } = JSON.parse(stdout)
  expect({ status, stderr }).toEqual({ status: answered.status === 'Success' ? 0 : 1, stderr: '' })
  return answered
}

const mount = (options: object, at = folder) => answer('mount', at, JSON.stringify(options))
const holders = async (name: string) => (await volumes.get(name)).mount?.holders ?? []
const records = () => readdirSync(path.join(home, 'run/flexrex'))

test('init says that nothing is to be attached beforehand, so that no other machine gets the disk', async () => {
  expect(await answer('init')).toEqual({ status: 'Success', capabilities: { attach: false } })
})

test.each([
  [['attach', '{}', 'node']],
  [['waitforattach', '/dev/x', '{}']],
  [['mountdevice', '/m', '/dev/x', '{}']],
  [['unmountdevice', '/m']],
  [['detach', 'data', 'node']],
  [['getvolumename', '{}']],
  [['mount']],
  [[]],
])('%j is not supported, upon which kubelet does its own', async (words) => {
  expect(await answer(...words)).toEqual({ status: 'Not supported' })
})

test('mount has the server mount the volume for the pod, and shows it in the folder', async () => {
  expect(await mount({ volumeID: 'data', 'kubernetes.io/readwrite': 'rw' })).toEqual({
    status: 'Success',
  })
  expect(line.steps).toEqual([`mount --bind -- /mnt/data/data ${folder}`])
  expect(await holders('data')).toEqual([HOLDER])
  expect(await answer('unmount', folder)).toEqual({ status: 'Success' })
  expect(await holders('data')).toEqual([])
  expect(records()).toEqual([])
})

test('a volume that is only to be read is shown so', async () => {
  await mount({ volumeID: 'data', 'kubernetes.io/readwrite': 'ro' })
  expect(line.steps).toEqual([
    `mount --bind -- /mnt/data/data ${folder}`,
    `mount -o remount,bind,ro -- ${folder}`,
  ])
})

test('a device before the options, as of an older kubelet, is passed over', async () => {
  expect(await answer('mount', folder, '/dev/x', '{"volumeID":"data"}')).toEqual({
    status: 'Success',
  })
})

test('a mount that is repeated, since the first was cut short, holds the volume once', async () => {
  await mount({ volumeID: 'data' })
  await mount({ volumeID: 'data' })
  await answer('unmount', folder)
  expect(await holders('data')).toEqual([])
  await mount({ volumeID: 'data' })
  await mount({ volumeID: 'logs' })
  expect([await holders('data'), await holders('logs')]).toEqual([[], [HOLDER]])
})

test('two pods hold one volume, each for itself', async () => {
  const other = folder.replace('3f2a', '9999')
  await mount({ volumeID: 'data' })
  await mount({ volumeID: 'data', service: 'EBS' }, other)
  await answer('unmount', folder)
  expect(await holders('data')).toEqual(['9999-77b/db'])
})

test('where the folder cannot be mounted on, nothing is held', async () => {
  line.runTool = async () => ({ exitCode: 32, stdout: '', stderr: 'mount: no\n' })
  expect(await mount({ volumeID: 'data' })).toEqual({
    status: 'Failure',
    message: `mount --bind -- /mnt/data/data ${folder} failed: mount: no`,
  })
  expect(await holders('data')).toEqual([])
  expect(records()).toEqual([])
})

test.each([
  [{ volumeID: 'nosuch' }, /^docker-legacy: Mount: nosuch: failed: volume "nosuch" not found$/],
  [{ volumeID: 'data', service: 'other' }, /^a module for service "other" not found$/],
  [{}, /^option volumeID is missing, set it to/],
  [{ volumeID: 7 }, /^option volumeID is missing, set it to/],
  ['x', /is no JSON object/],
])('%j is refused with a sentence, and nothing is noted', async (options, message) => {
  expect(await mount(Object(options))).toEqual({
    status: 'Failure',
    message: expect.stringMatching(message),
  })
  expect(await answer('unmount', folder)).toEqual({ status: 'Success' })
})

test('without a server it is said which socket did not answer; kubelet tries again', async () => {
  await mount({ volumeID: 'data' })
  await server.close()
  const failed = { status: 'Failure', message: expect.stringContaining('rexray.sock gave no') }
  expect(await answer('unmount', folder)).toEqual(failed)
  expect(records()).toHaveLength(1)
})

test('an unmount of a folder that nothing is known of is a success, also where a note is broken', async () => {
  expect(await answer('unmount', folder)).toEqual({ status: 'Success' })
  await mount({ volumeID: 'data' })
  writeFileSync(path.join(home, 'run/flexrex', records()[0] ?? ''), '{')
  expect(await answer('unmount', folder)).toEqual({ status: 'Success' })
})

describe.skipIf(!canMount)('where the disk of a pod died and came back', () => {
  let world: DiskWorld
  let disk: string
  beforeEach(async () => {
    world = new DiskWorld()
    volumes = new InMemoryVolumes({
      volumes: [aVolume({ name: 'data' })],
      service: 'ebs',
      scope: 'local',
      root: world.path('mnt'),
    })
    await server.close()
    await serve()
    line.runTool = run
    folder = world.path('pods/3f2a-77b/volumes/rexray~flexrex/db')
    disk = await attach('first')
    expect(await mount({ volumeID: 'data' })).toEqual({ status: 'Success' })
    await world.pull(disk)
    await tool('umount', '-l', world.path('mnt/data'))
  })
  afterEach(() => world.end())

  const attach = async (content: string) => {
    const device = await world.formatted('ext4', 16)
    await world.mount(device, 'mnt/data')
    mkdirSync(world.path('mnt/data/data'))
    writeFileSync(world.path('mnt/data/data/file'), content, { flush: true })
    return device
  }

  test('a mount that is repeated shows the disk that is there now, and holds it once', async () => {
    await attach('second')
    expect(await mount({ volumeID: 'data' })).toEqual({ status: 'Success' })
    expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('second')
    expect(await holders('data')).toEqual([HOLDER])
    await answer('unmount', folder)
    expect(await holders('data')).toEqual([])
  })

  test('one that the server refuses fails with why, and leaves nothing dead behind', async () => {
    volumes.calls.fail('mount', new Error('no disk'))
    expect(await mount({ volumeID: 'data' })).toEqual({
      status: 'Failure',
      message: expect.stringContaining('internal error'),
    })
    expect(mountAt(folder)).toBeUndefined()
  })
})
