import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type App, type AppInput, openApp } from '../src/app.ts'
import { type Run, run } from '../src/libstorage/run.ts'
import type { ProcessRole } from '../src/mount/mount-context.ts'
import type { ProviderDefinition } from '../src/providers/definition.ts'
import { inMemoryProvider } from './support/in-memory-provider.ts'

let home = ''
let logged = ''
const apps: App[] = []

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'app-'))
  logged = ''
})

afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
  rmSync(home, { recursive: true, force: true })
})

const vfs = inMemoryProvider({ name: 'vfs' })

function configure(yaml: string): void {
  mkdirSync(path.join(home, 'etc'), { recursive: true })
  writeFileSync(path.join(home, 'etc', 'config.yml'), yaml)
}

async function open(
  role: ProcessRole,
  { providers = [vfs], flags = {} }: Pick<Partial<AppInput>, 'providers' | 'flags'> = {},
): Promise<App> {
  const stderr = new Writable({
    write(chunk, _encoding, done) {
      logged += chunk
      done()
    },
  })
  const env = { REXRAY_HOME: home, PATH: process.env['PATH'] }
  const app = await openApp(role, { flags, env, uid: 0, homeDirectory: home, stderr, providers })
  apps.push(app)
  return app
}

function post(socketPath: string, call: string, body = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: `/${call}`, method: 'POST' }, (response) =>
      text(response).then(resolve, reject),
    )
    sent.on('error', reject).end(body)
  })
}

const socketOf = (app: App) => path.join(app.config.directories.plugins, 'rexray.sock')

const TWO_SERVICES = `libstorage:
  server:
    services:
      one: {driver: vfs}
      two: {driver: vfs}
`

test('without a configuration it serves what it chose, and remembers that', async () => {
  const app = await open('command')

  expect(app.choice).toMatchObject({ driver: 'vfs' })
  expect(app.service().service.name).toBe('vfs')
  expect(existsSync(path.join(app.config.directories.lib, 'default-service.json'))).toBe(true)
})

test('a configured service is served, and nothing is chosen', async () => {
  configure('libstorage: {service: vfs}\n')
  const app = await open('command')

  expect(app.choice).toBeUndefined()
  expect(
    existsSync(app.config.directories.lib) && readdirSync(app.config.directories.lib),
  ).not.toContain('default-service.json')
})

test('a server has all services, a command the one that is meant', async () => {
  configure(TWO_SERVICES)
  const names = (app: App) => app.services.map(({ service }) => service.name)

  expect(names(await open('server', { flags: { service: 'one' } }))).toEqual(['one', 'two'])
  expect(names(await open('command', { flags: { service: 'TWO' } }))).toEqual(['two'])
})

test('a service that is not the primary one has a folder of its own beneath that of the others', async () => {
  configure(TWO_SERVICES)
  const app = await open('server', { flags: { service: 'one' } })

  const folders = app.services.map(({ mountFolder }) => mountFolder)
  const { lib } = app.config.directories
  expect(folders).toEqual([path.join(lib, 'volumes'), path.join(lib, 'volumes', 'two')])
})

test('a command that names no service where several could be meant, or one that is not there, is refused', async () => {
  configure(TWO_SERVICES)

  await expect(open('command')).rejects.toThrow(/one, two/)
  await expect(open('command', { flags: { service: 'three' } })).rejects.toThrow(/three/)
})

test('a service that is not there is an error that lists those there are', async () => {
  configure('libstorage: {service: vfs}\n')
  const app = await open('server')

  expect(app.service('VFS').service.name).toBe('vfs')
  expect(() => app.service('other')).toThrow('service "other" (there is vfs) not found')
})

test('a configured service that this machine cannot serve is an error, never a fallback', async () => {
  configure('libstorage: {service: loop}\n')
  const loop: ProviderDefinition = inMemoryProvider({ name: 'loop', unavailable: 'needs root' })

  await expect(open('server', { providers: [loop, vfs] })).rejects.toThrow(
    'service "loop" cannot be served on this machine: loop needs root, make that possible, or configure another service',
  )
})

test('the socket answers, and is gone after the close', async () => {
  const app = await open('server')

  expect(await app.listen()).toEqual([
    {
      address: `unix://${socketOf(app)}`,
      service: 'vfs',
      module: 'default-docker',
      spec: '/etc/docker/plugins/rexray.spec',
    },
  ])
  await app.start()
  expect(JSON.parse(await post(socketOf(app), 'Plugin.Activate'))).toEqual({
    Implements: ['VolumeDriver'],
  })
  expect(JSON.parse(await post(socketOf(app), 'VolumeDriver.List'))).toMatchObject({ Volumes: [] })
  await app.close()
  expect(existsSync(socketOf(app))).toBe(false)
})

test('what a provider holds on its platform it gives back at the close', async () => {
  configure('libstorage: {service: vfs}\n')
  let isClosed = false
  const close = async () => {
    isClosed = true
  }
  const create: ProviderDefinition['create'] = async (...given) => ({
    ...(await vfs.create(...given)),
    close,
  })
  const app = await open('command', { providers: [{ ...vfs, create }] })
  expect(isClosed).toBe(false)
  await app.close()
  expect(isClosed).toBe(true)
})

test('there is one server for a home, until it closes', async () => {
  const first = await open('server')
  await first.lockServer()
  const second = await open('server')

  await expect(second.lockServer()).rejects.toThrow(
    `a server runs already as process ${process.pid} with its state in ${home}`,
  )
  await first.close()
  await second.lockServer()
})

test('the log level can be read anew from the configuration, and a broken one changes nothing', async () => {
  configure('rexray: {logLevel: error}\nlibstorage: {service: vfs}\n')
  const app = await open('server')
  app.logger.warn('before')
  configure('rexray: {logLevel: debug}\nlibstorage: {service: vfs}\n')
  await app.reloadLogLevel()
  configure('rexray: [')
  await expect(app.reloadLogLevel()).rejects.toThrow()
  app.logger.debug('after')

  expect(logged).not.toContain('before')
  expect(logged).toContain('after')
})

test('a server has its tools run by a process of its own, until it closes; a command runs them itself', async () => {
  const given: Run[] = []
  const provider: ProviderDefinition = {
    ...vfs,
    create: async (settings, context) => {
      given.push(context.run)
      return await vfs.create(settings, context)
    },
  }
  await open('command', { providers: [provider] })
  const server = await open('server', { providers: [provider] })
  server.start()
  const runners = async () =>
    (await run('pgrep', ['-P', String(process.pid), '-f', 'remora-tools'], { timeoutMs: 5_000 }))
      .stdout

  expect(given[0]).toBe(run)
  expect(given[1]).not.toBe(run)
  expect((await given[1]?.('echo', ['said'], { timeoutMs: 5_000 }))?.stdout).toBe('said\n')
  expect(await runners()).toMatch(/^\d+\n$/)
  await server.close()
  expect(await runners()).toBe('')
})

test('a module has a socket of its own, and its calls follow what stands beneath it', async () => {
  configure(`libstorage: {service: vfs}
rexray:
  modules:
    closed:
      libstorage: {integration: {volume: {operations: {create: {disable: true}}}}}
`)
  const app = await open('server')
  const [plain, closed] = await app.listen()
  app.start()
  const body = JSON.stringify({ Name: 'data' })
  const create = async (address = '') =>
    JSON.parse(await post(address.replace('unix://', ''), 'VolumeDriver.Create', body))
  const names = async () => (await app.service().volumes.list()).map(({ volume }) => volume.name)

  expect(closed).toMatchObject({ module: 'closed', service: 'vfs' })
  expect(await create(closed?.address)).toEqual({ Err: '' })
  expect(await names()).toEqual([])
  expect(await create(plain?.address)).toEqual({ Err: '' })
  expect(await names()).toEqual(['data'])
})

test('a server has its process id and, where nobody sits before it, its log where scripts look for them', async () => {
  configure('rexray: {logLevel: info}\nlibstorage: {service: vfs}\n')
  const app = await open('server')
  const { run: runFolder, log } = app.config.directories
  const pidFile = path.join(runFolder, 'rexray.pid')
  await app.lockServer()
  app.logger.info('said')

  expect(readFileSync(pidFile, 'utf8')).toBe(`${process.pid}\n`)
  await expect
    .poll(() => readFileSync(path.join(log, 'rexray.log'), 'utf8'))
    .toMatch(/^\{"time":"[^"]+","level":"info","message":"said"\}\n$/)
  const listeningFile = path.join(runFolder, 'rexray.listening')
  expect(existsSync(listeningFile)).toBe(false)
  await app.listen()
  expect(readFileSync(listeningFile, 'utf8')).toBe(`${process.pid}\n`)
  await app.close()
  expect(existsSync(pidFile)).toBe(false)
  expect(existsSync(listeningFile)).toBe(false)
  const second = await open('server')
  await second.lockServer({ pidFile: false })
  expect(existsSync(pidFile)).toBe(false)
})

test('several mistakes in a configuration are said at once, and nothing is made', async () => {
  configure('libstorage: {service: vsf}\nrexray: {logLevel: loud}\n')

  await expect(open('server')).rejects.toThrow(/has 2 mistakes:\n.*vsf.*\n.*loud/)
  expect(readdirSync(home)).toEqual(['etc'])
})

test('what is to be said of the configuration a server says at its start, and a command where it is asked for more', async () => {
  configure('libstorage: {service: vfs}\ndocker: {size: 5}\n')
  await open('command')
  expect(logged).toBe('')
  await open('command', { flags: { logLevel: 'info' } })
  expect(logged).toContain('docker.size is understood as')
  logged = ''
  await open('server')
  expect(logged).toContain('docker.size is understood as')
})
