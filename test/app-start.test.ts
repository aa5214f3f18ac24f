import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type App, openApp } from '../src/app.ts'
import { inMemoryProvider } from './support/in-memory-provider.ts'
import { MemoryPlatform } from './support/memory-platform.ts'

let home = ''
let app: App
let answer: () => void = () => {}

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'app-start-'))
})

afterEach(async () => {
  answer()
  await app.close()
  rmSync(home, { recursive: true, force: true })
})

/** A server of a platform that answers nothing, not even which machine this is, until `answer` is called. */
async function openServer(): Promise<void> {
  const platform = new MemoryPlatform()
  const blocks = [platform.block('volumes'), platform.block('instance')]
  answer = () => {
    for (const open of blocks) open()
  }
  const silent = {
    ...inMemoryProvider({ name: 'vfs' }),
    create: async () => platform.provider('here'),
  }
  app = await openApp('server', {
    flags: {},
    env: { REXRAY_HOME: home, PATH: process.env['PATH'] },
    uid: 0,
    homeDirectory: home,
    stderr: new Writable({ write: (_chunk, _encoding, done) => done() }),
    providers: [silent],
  })
}

function post(call: string): Promise<unknown> {
  const socketPath = path.join(app.config.directories.plugins, 'rexray.sock')
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: `/${call}`, method: 'POST' }, (response) =>
      text(response).then((body) => resolve(JSON.parse(body)), reject),
    )
    sent.on('error', reject).end()
  })
}

test('a server is up and its socket answers before its platform has said anything', async () => {
  await openServer()
  await app.lockServer()
  app.start()
  await app.listen()
  const listed = post('VolumeDriver.List')
  expect(await post('Plugin.Activate')).toEqual({ Implements: ['VolumeDriver'] })
  expect(await post('VolumeDriver.Capabilities')).toEqual({ Capabilities: { Scope: 'global' } })
  answer()
  expect(await listed).toMatchObject({ Volumes: [] })
})
