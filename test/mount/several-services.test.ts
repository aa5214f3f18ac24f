import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type App, openApp } from '../../src/app.ts'
import { run } from '../../src/libstorage/run.ts'
import { readMounts } from '../../src/mount/linux/mountinfo.ts'
import { loopUnavailable } from '../support/loop-world.ts'

const YAML = `rexray:
  modules:
    first: {type: docker, host: "unix://HOME/first.sock", libstorage: {service: one}}
    second: {type: docker, host: "unix://HOME/second.sock", libstorage: {service: two}}
    third: {type: docker, host: "unix://HOME/third.sock", libstorage: {service: plain}}
libstorage:
  service: one
  integration: {volume: {operations: {unmount: {detachDelay: 0}, mount: {path: HOME/volumes}}}}
  server:
    services:
      one: {driver: loop, loop: {pool: HOME/pool-one}}
      two: {driver: loop, loop: {pool: HOME/pool-two}}
      plain: {driver: vfs, vfs: {pool: HOME/pool-plain}}
`
const SOCKETS = { one: 'first', two: 'second', plain: 'third' } as const
type ServiceName = keyof typeof SOCKETS
const SERVICES = Object.keys(SOCKETS) as ServiceName[]

describe.skipIf(loopUnavailable !== undefined)('two loop services and a vfs service (root)', () => {
  let home: string
  const apps: App[] = []
  beforeEach(() => {
    home = realpathSync(mkdtempSync(path.join(tmpdir(), 'remora-services-')))
    for (const name of ['etc', 'pool-one', 'pool-two', 'pool-plain'])
      mkdirSync(path.join(home, name))
    writeFileSync(path.join(home, 'etc/config.yml'), YAML.replaceAll('HOME', home))
  })
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close()
    const ours = readMounts().filter(({ mountPoint }) => mountPoint.startsWith(home))
    for (const { mountPoint } of ours.toReversed())
      await run('umount', ['-l', mountPoint], { timeoutMs: 30_000 })
    const { stdout } = await run('losetup', ['-l', '-n', '-O', 'NAME,BACK-FILE'], {
      timeoutMs: 30_000,
    })
    for (const line of stdout.split('\n').filter((text) => text.includes(home)))
      await run('losetup', ['-d', line.split(' ')[0] ?? ''], { timeoutMs: 30_000 })
    await run('chattr', ['-R', '-i', home], { timeoutMs: 30_000 })
    await run('rm', ['-rf', home], { timeoutMs: 30_000 })
  })

  async function open(use: 'server' | 'command', service?: string): Promise<App> {
    const stderr = new Writable({ write: (_chunk, _encoding, done) => done() })
    const env = { REXRAY_HOME: home, PATH: process.env['PATH'] }
    const flags = service === undefined ? {} : { service }
    const app = await openApp(use, { flags, env, uid: 0, homeDirectory: home, stderr })
    apps.push(app)
    return app
  }

  async function serve(): Promise<App> {
    const app = await open('server')
    app.start()
    await app.listen()
    return app
  }

  async function call(service: ServiceName, method: string, body: object): Promise<object> {
    const socketPath = path.join(home, `${SOCKETS[service]}.sock`)
    return await new Promise((resolve, reject) => {
      const sent = request(
        { socketPath, path: `/VolumeDriver.${method}`, method: 'POST' },
        (reply) => json(reply).then((value) => resolve(value as object), reject),
      )
      sent.on('error', reject).end(JSON.stringify(body))
    })
  }

  /** Volumes `data` and `two` in every service, each with a file that says whose it is. */
  async function fill(): Promise<void> {
    for (const service of SERVICES)
      for (const name of ['data', 'two']) {
        expect(await call(service, 'Create', { Name: name })).toEqual({ Err: '' })
        const mounted = await call(service, 'Mount', { Name: name, ID: `${service}-${name}` })
        expect(mounted).toEqual({ Err: '', Mountpoint: expect.stringContaining(home) })
        const { Mountpoint } = mounted as { Mountpoint: string }
        writeFileSync(path.join(Mountpoint, 'owner'), `${service} ${name}`)
      }
  }

  async function expectEachItsOwn(): Promise<void> {
    const places = new Set<string>()
    for (const service of SERVICES)
      for (const name of ['data', 'two']) {
        const { Mountpoint } = (await call(service, 'Path', { Name: name })) as {
          Mountpoint: string
        }
        places.add(Mountpoint)
        expect(readFileSync(path.join(Mountpoint, 'owner'), 'utf8')).toBe(`${service} ${name}`)
      }
    expect(places.size).toBe(6)
  }

  test('have volumes of the same names, and one named like a service, side by side', async () => {
    await serve()
    await fill()
    await expectEachItsOwn()
    expect(await call('one', 'Path', { Name: 'data' })).toMatchObject({
      Mountpoint: path.join(home, 'volumes/data/data'),
    })
    expect(await call('two', 'Path', { Name: 'two' })).toMatchObject({
      Mountpoint: path.join(home, 'volumes/two/two/data'),
    })
  })

  test('are kept apart over a restart, and let go one by one', { timeout: 60_000 }, async () => {
    const first = await serve()
    await fill()
    await first.close()
    await serve()
    await expectEachItsOwn()
    await call('one', 'Unmount', { Name: 'data', ID: 'one-data' })
    await call('two', 'Unmount', { Name: 'data', ID: 'one-data' })
    expect(await call('one', 'Path', { Name: 'data' })).toMatchObject({ Mountpoint: '' })
    expect(await call('two', 'Path', { Name: 'data' })).toMatchObject({
      Mountpoint: path.join(home, 'volumes/two/data/data'),
    })
    expect(existsSync(path.join(home, 'volumes/two/two/data/owner'))).toBe(true)
  })

  test('on vfs every reference keeps a volume from being removed', async () => {
    await serve()
    await fill()
    expect(await call('plain', 'Remove', { Name: 'data' })).toEqual({
      Err: expect.stringContaining('volume "data" is in use by mount id plain-data'),
    })
    await expectEachItsOwn()
  })

  test('are chosen by name on the command line', async () => {
    await serve()
    await fill()
    const app = await open('command', 'two')
    const view = await app.service().volumes.get('data')
    expect([view.service, view.mountpoint]).toEqual([
      'two',
      path.join(home, 'volumes/two/data/data'),
    ])
  })
})
