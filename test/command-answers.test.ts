import fs from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { App } from '../src/app.ts'
import { askServer } from '../src/cli/quick/ask-server.ts'
import { servingFile } from '../src/config/serving-file.ts'
import { UnavailableError } from '../src/libstorage/errors.ts'
import { AnsweringMachine } from './support/answering-machine.ts'
import type { MemoryPlatform } from './support/memory-platform.ts'

const { CONFIG } = AnsweringMachine
let machine: AnsweringMachine
let home: string
let platform: MemoryPlatform
let env: AnsweringMachine['env']

beforeEach(() => {
  machine = new AnsweringMachine()
  ;({ home, platform, env } = machine)
})

afterEach(() => machine.end())

const write = (name: string, text: string) => machine.write(name, text)
const serve = (flags?: Parameters<AnsweringMachine['serve']>[0]) => machine.serve(flags)
const find = (flags?: Parameters<AnsweringMachine['find']>[0]) => machine.find(flags)

/** The names that a command is told without looking for itself. */
async function listed(): Promise<unknown> {
  const server = await find()
  const { volumes: answer } = (server && (await askServer(server, { call: 'Remora.List' }))) ?? {}
  const volumes = answer as { volume: { name: string } }[] | undefined
  return volumes?.map(({ volume }) => volume.name).sort()
}

/** Does something as a command of its own beside the server. */
async function byCommand(work: (app: App) => Promise<unknown>): Promise<void> {
  const app = await machine.open('command')
  await work(app).then(() => app.close())
}

const lookUps = () => platform.count('volumes')

test('a server tells a command of the same configuration what a list is printed from', async () => {
  platform.add({ name: 'data', sizeGiB: 3 })
  await serve()
  const server = await find()

  expect(server && (await askServer(server, { call: 'Remora.List' }))).toMatchObject({
    viewpoint: { instance: 'here', driver: 'memory' },
    volumes: [{ service: 'cloud', volume: { name: 'data', sizeGiB: 3 } }],
  })
})

test('what a server says of itself is for its owner alone, shows no value, and is gone with it', async () => {
  env['CLOUD_ZONE'] = 'zone-in-a-variable'
  const app = await serve()
  const file = servingFile(app.config.directories.run)

  expect(fs.statSync(file).mode & 0o777).toBe(0o600)
  expect(fs.readFileSync(file, 'utf8')).not.toContain('zone-in-a-variable')
  await Promise.all([app.answerCommands(), app.close()])
  expect(fs.existsSync(file)).toBe(false)
})

describe('a command sees for itself', () => {
  test('where no server runs, or one that was killed has left its file', async () => {
    expect(await find()).toBeUndefined()
    const app = await serve()
    const file = servingFile(app.config.directories.run)
    const left = fs.readFileSync(file)
    await app.close()
    fs.writeFileSync(file, left)
    expect(await find()).toBeDefined()
    expect(await listed()).toBeUndefined()
  })

  test('where a variable of the configuration, or one of the SDK, is another', async () => {
    await serve()
    env['TERM'] = 'dumb'
    expect(await find()).toBeDefined()
    for (const name of [
      'CLOUD_ZONE',
      'REXRAY_LOGLEVEL',
      'AWS_PROFILE',
      'https_proxy',
      'CLOUD_ZONE_FILE',
    ]) {
      env[name] = 'other'
      expect(await find(), name).toBeUndefined()
      delete env[name]
    }
    expect(await find()).toBeDefined()
  })

  test('where a variable that a file names is another', async () => {
    write('etc/config.yml', `${CONFIG.replace('zone: a', 'zone: $PLACE')}`)
    env['PLACE'] = 'one'
    await serve()
    expect(await find()).toBeDefined()
    env['PLACE'] = 'two'
    expect(await find()).toBeUndefined()
  })

  test('where a file was changed since the server read it, or a new one was written beside it', async () => {
    await serve()
    write('etc/config.yml', CONFIG.replace('zone: a', 'zone: b'))
    expect(await find()).toBeUndefined()
    write('etc/config.yml', CONFIG)
    expect(await find()).toBeDefined()
    write('.rexray/config.yml', 'cloud: {zone: c}\n')
    expect(await find()).toBeUndefined()
  })

  test('where it is given a file of its own, unless the server was started with that one', async () => {
    const other = write('other.yml', CONFIG.replace('zone: a', 'zone: b'))
    await serve({ configFile: other })

    expect(await find({ configFile: other })).toBeDefined()
    expect(await find({ configFile: path.join(home, 'etc/config.yml') })).toBeUndefined()
    expect(await find()).toBeUndefined()
  })

  test('where the server is of another build', async () => {
    const app = await serve()
    const file = servingFile(app.config.directories.run)
    const serving = JSON.parse(fs.readFileSync(file, 'utf8'))
    fs.writeFileSync(file, JSON.stringify({ ...serving, build: 'another' }))
    expect(await find()).toBeUndefined()
  })

  test('where the server does not answer in time, or says no more than half', async () => {
    const silent = createServer()
    const half = createServer((connection) => {
      connection.end('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"volumes"')
    })
    for (const [name, server] of Object.entries({ silent, half })) {
      const socket = path.join(home, name)
      await new Promise<void>((resolve) => server.listen(socket, resolve))
      expect(await askServer({ socket, digest: 'x' }, { call: 'Remora.List' })).toBeUndefined()
      server.close()
    }
  })

  test('where the platform fails, so that it says why', async () => {
    await serve()
    platform.failNext('volumes', new Error('a bug'))
    expect(await listed()).toBeUndefined()
  })

  test('where the platform cannot be asked, though the server knows an old list', async () => {
    const app = await serve()
    platform.add({ name: 'data' })
    expect(await listed()).toEqual(['data'])
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 6_000)
    platform.failAlways('volumes', new UnavailableError({ subject: 'it', problem: 'is out' }))
    expect(await app.service().volumes.list()).toMatchObject([{ volume: { name: 'data' } }])
    expect(await listed()).toBeUndefined()
    vi.restoreAllMocks()
  })

  test('where its configuration makes it say more than failures', async () => {
    write('etc/config.yml', `${CONFIG}rexray: {logLevel: info}\n`)
    await serve()
    expect(await find()).toBeUndefined()
  })

  test('where the provider warned, which a command does too', async () => {
    machine.warnings = ['this machine is odd']
    await serve()
    expect(await listed()).toBeUndefined()
  })

  test('with a digest that the server did not give', async () => {
    const app = await serve()
    const socket = path.join(app.config.directories.plugins, 'rexray.sock')
    expect(await askServer({ socket, digest: 'guessed' }, { call: 'Remora.List' })).toEqual({})
  })
})

describe('what is listed', () => {
  test('comes from what the server remembers, as for Docker', async () => {
    platform.add({ name: 'data' })
    await serve()
    await listed()
    const before = lookUps()
    expect(await listed()).toEqual(['data'])
    expect(lookUps()).toBe(before)
  })

  test('shows at once what a command has just made or removed', async () => {
    await serve()
    expect(await listed()).toEqual([])
    await byCommand((app) => app.service().volumes.createNew('data', {}))
    expect(await listed()).toEqual(['data'])
    await byCommand((app) => app.service().volumes.remove('data'))
    expect(await listed()).toEqual([])
  })

  test('shows what a command removed though the server made it a moment ago', async () => {
    const app = await serve()
    await app.service().volumes.create('data', {})
    await byCommand((command) => command.service().volumes.remove('data'))
    expect(await listed()).toEqual([])
  })

  test('shows what the server did after a command changed something', async () => {
    const app = await serve()
    await byCommand((command) => command.service().volumes.createNew('one', {}))
    expect(await listed()).toEqual(['one'])
    await app.service().volumes.create('two', {})
    expect(await listed()).toEqual(['one', 'two'])
  })
})

test('the service that commands mean by their own scope is the one they are told of', async () => {
  platform.add({ name: 'data' })
  write(
    'etc/config.yml',
    'libstorage: {service: one, server: {services: {one: {driver: cloud}, two: {driver: cloud}}}}\n' +
      'rexray: {cli: {libstorage: {service: two}}}\n',
  )
  await serve()
  const server = await find()
  expect(server && (await askServer(server, { call: 'Remora.List' }))).toMatchObject({
    volumes: [{ service: 'two' }],
  })
})

test('each service is answered for by its name, and the one that is meant without', async () => {
  write(
    'etc/config.yml',
    'libstorage: {service: one, server: {services: {one: {driver: cloud}, two: {driver: cloud}}}}\n',
  )
  await serve()
  expect(await find({ service: 'TWO' })).toBeDefined()
  expect(await find({ service: 'three' })).toBeUndefined()
  const [meant, two] = [await find(), await find({ service: 'two' })]
  expect(meant?.digest).not.toBe(two?.digest)
})
