import { lstat } from 'node:fs/promises'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FailedPreconditionError } from '../../src/libstorage/errors.ts'
import { createPluginApp } from '../../src/plugin-api/app.ts'
import { startPluginServer } from '../../src/plugin-api/server.ts'
import { callBytes, DockerClient, exchange, parseReply, post } from '../support/docker-client.ts'
import { eventually } from '../support/eventually.ts'
import { InMemoryVolumes } from '../support/in-memory-volumes.ts'
import { keepingLogger, type LogLine, PluginRig } from '../support/plugin-rig.ts'

describe('on a unix socket', () => {
  let rig: PluginRig
  beforeEach(async () => {
    rig = await PluginRig.start()
    rig.volumes.put({ name: 'v1' })
  })
  afterEach(() => rig.stop())

  async function connected(): Promise<Socket> {
    const socket = connect({ path: rig.path })
    await new Promise((resolve) => {
      socket.once('connect', resolve)
    })
    return socket
  }

  test('connections that say nothing are no event at all', async () => {
    for (let i = 0; i < 20; i += 1) (await connected()).destroy()
    expect((await rig.client().call('Get', { Name: 'v1' })).status).toBe(200)
    expect(rig.lines.map(({ message }) => message)).toEqual(['plugin server listens', 'plugin Get'])
  })

  test('half a request, then nobody, changes nothing and is no error', async () => {
    const bytes = callBytes('dockerd 28', 'Create', { Name: 'half' })
    for (const length of [1, 20, bytes.length - 30, bytes.length - 2]) {
      const socket = await connected()
      await new Promise((resolve) => {
        socket.write(bytes.slice(0, length), resolve)
      })
      socket.destroy()
    }
    await eventually(() => {
      const halves = rig.lines.filter(({ message }) => message.endsWith('not received whole'))
      expect(halves).toHaveLength(1)
    })
    expect(rig.volumes.names()).toEqual(['v1'])
    expect([...rig.logged('warn'), ...rig.logged('error')]).toEqual([])
  })

  test('a request in many pieces is one request', async () => {
    const bytes = [...callBytes('podman 4.3', 'Create', { Name: 'v2' })]
    expect((await rig.send(bytes)).json).toEqual({ Err: '' })
  })

  test('of two pipelined requests the first is answered and ends the connection, the second does nothing', async () => {
    const one = callBytes('dockerd 28', 'Create', { Name: 'one' })
    const reply = await rig.send(one + callBytes('dockerd 28', 'Create', { Name: 'two' }))
    expect(reply.json).toEqual({ Err: '' })
    expect(reply.rest).toBe('')
    expect(rig.volumes.names()).toEqual(['v1', 'one'])
  })

  test('garbage behind a request does not take its answer away', async () => {
    const hold = rig.volumes.calls.hold('mount')
    const answer = rig.send(
      `${callBytes('dockerd 28', 'Mount', { Name: 'v1', ID: 'a' })}{"garbage"}\n`,
    )
    await hold.reached
    await pause(20)
    hold.release()
    expect((await answer).status).toBe(200)
    expect(rig.volumes.told).toEqual({ delivered: 1, undelivered: 0 })
  })

  test.each([
    'hello\r\n\r\n',
    '{"Name":"v1"}\n',
    '\x16\x03\x01\x02\x00\x01',
    `GET / HTTP/1.1\r\nA: ${'x'.repeat(20_000)}`,
  ])('what is not HTTP is refused with a JSON Err: %j', async (bytes) => {
    const reply = await rig.send(bytes)
    expect(reply.status).toBe(400)
    expect(reply.json).toEqual({ Err: 'the request is not HTTP/1.1' })
    expect(rig.logged('error')).toEqual([])
  })

  test('a body whose chunks are garbage is refused with a JSON Err', async () => {
    const headers = ['Host: ', 'Transfer-Encoding: chunked']
    const reply = await rig.send(post('/VolumeDriver.Create', 'not a length\r\n', headers))
    expect(reply.status).toBe(400)
    expect(reply.json).toEqual({ Err: 'the request is not HTTP/1.1' })
  })

  test('an open connection that has said nothing yet is served when it does', async () => {
    const silent = await connected()
    await rig.client().call('Activate')
    const received = new Promise<string>((resolve) => {
      silent.once('data', (chunk) => resolve(chunk.toString()))
    })
    silent.write(callBytes('dockerd 28', 'Get', { Name: 'v1' }))
    expect(parseReply(await received).status).toBe(200)
  })
})

describe('closing', () => {
  test('takes the file away, serves who had dialled, finishes what is under way, then ends', async () => {
    const rig = await PluginRig.start({ drainMs: 200 })
    rig.volumes.put({ name: 'v1' })
    const hold = rig.volumes.calls.hold('mount')
    const mount = rig.client().call('Mount', { Name: 'v1', ID: 'a' })
    await hold.reached
    const dialled = connect({ path: rig.path })
    await new Promise((resolve) => {
      dialled.once('connect', resolve)
    })
    const received = new Promise<string>((resolve) => {
      dialled.once('data', (chunk) => resolve(chunk.toString()))
    })
    let ended = false
    const closing = rig.server.close().then(() => {
      ended = true
    })
    await eventually(() => expect(lstat(rig.path)).rejects.toThrow('ENOENT'))
    dialled.write(callBytes('dockerd 28', 'Get', { Name: 'v1' }))
    expect(parseReply(await received).status).toBe(200)
    await pause(250)
    expect(ended).toBe(false)
    hold.release()
    expect((await mount).json).toMatchObject({ Mountpoint: '/mnt/v1/data' })
    await closing
    expect(rig.volumes.told).toEqual({ delivered: 1, undelivered: 0 })
    await rig.stop()
  })

  test('does not wait for connections that say nothing', async () => {
    const rig = await PluginRig.start()
    const silent = connect({ path: rig.path })
    await new Promise((resolve) => {
      silent.once('connect', resolve)
    })
    const ended = new Promise((resolve) => {
      silent.once('close', resolve)
    })
    silent.resume()
    await rig.stop()
    await ended
  })

  test('waits only so long for requests under way, and says how many it gave up', async () => {
    const rig = await PluginRig.start({ finishMs: 30 })
    rig.volumes.put({ name: 'v1' })
    const hold = rig.volumes.calls.hold('mount')
    const mount = rig.client().call('Mount', { Name: 'v1', ID: 'a' })
    const refused = expect(mount).rejects.toThrow()
    await hold.reached
    await rig.stop()
    await refused
    expect(rig.logged('warn').slice(0, 1)).toMatchObject([
      { message: 'plugin server gives up requests under way', fields: { requests: 1 } },
    ])
  })

  test('a second close is the same close', async () => {
    const rig = await PluginRig.start()
    expect(rig.server.close()).toBe(rig.server.close())
    await rig.stop()
  })
})

describe('on tcp', () => {
  const lines: LogLine[] = []
  const logger = keepingLogger(lines)
  const app = createPluginApp({ volumes: new InMemoryVolumes(), logger })

  test.each([
    ['tcp://127.0.0.1:0', /^tcp:\/\/127\.0\.0\.1:(\d+)$/, '127.0.0.1'],
    ['tcp://[::1]:0', /^tcp:\/\/\[::1\]:(\d+)$/, '::1'],
  ])('%s takes a free port, which a second server may not have', async (host, form, at) => {
    const server = await startPluginServer({ host, app, logger, drainMs: 0 })
    try {
      const port = Number(form.exec(server.address)?.[1])
      const where: NetConnectOpts = { host: at, port }
      expect((await new DockerClient(where).call('Activate')).status).toBe(200)
      const text = await exchange(where, callBytes('podman 4.3', 'List'))
      expect(parseReply(text).headers.get('connection')).toBe('close')
      const second = startPluginServer({ host: server.address, app, logger, drainMs: 0 })
      await expect(second).rejects.toThrow(FailedPreconditionError)
      await expect(second).rejects.toThrow('another server answers there')
    } finally {
      await server.close()
    }
  })
})
