import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deadlinesWithin } from '../../src/plugin-api/app.ts'
import {
  callBytes,
  dialects,
  errorOf,
  exchange,
  PODMAN_ID,
  pathOf,
  post,
} from '../support/docker-client.ts'
import { expectPluginHeaders, PluginRig } from '../support/plugin-rig.ts'

const ID = '4f1b6d1a'.repeat(8)
const CHANGES = ['Create', 'Remove', 'Mount', 'Unmount']
const ALL = ['Activate', 'Capabilities', 'Get', 'List', 'Path', ...CHANGES]
const MINIMAL = ['Host: ', 'Content-Length: 13']

let rig: PluginRig
beforeEach(async () => {
  rig = await PluginRig.start()
})
afterEach(() => rig.stop())

describe.each(dialects)('a whole life as %s speaks it', (dialect) => {
  test('is answered with 200, JSON and Connection: close at every step', async () => {
    const client = rig.client(dialect)
    const holder = dialect === 'dvdcli' ? {} : { ID: dialect === 'podman 4.3' ? PODMAN_ID : ID }
    const opts = dialect === 'podman 4.3' ? {} : { Opts: { size: '10' } }
    const mountpoint = '/mnt/v1/data'
    const steps: [string, object, unknown][] = [
      ['Activate', {}, { Implements: ['VolumeDriver'] }],
      ['Capabilities', {}, { Capabilities: { Scope: 'global' } }],
      ['Create', { Name: 'v1', ...opts }, { Err: '' }],
      ['Path', { Name: 'v1' }, { Mountpoint: '', Err: '' }],
      ['Mount', { Name: 'v1', ...holder }, { Mountpoint: mountpoint, Err: '' }],
      ['Path', { Name: 'v1' }, { Mountpoint: mountpoint, Err: '' }],
      ['Unmount', { Name: 'v1', ...holder }, { Err: '' }],
      ['List', {}, { Volumes: [expect.objectContaining({ Name: 'v1', Mountpoint: '' })], Err: '' }],
      ['Remove', { Name: 'v1' }, { Err: '' }],
      ['List', {}, { Volumes: [], Err: '' }],
    ]
    for (const [call, fields, expected] of steps) {
      const reply = await client.call(call, fields)
      expect([call, reply.status, reply.json]).toEqual([call, 200, expected])
      expectPluginHeaders(reply)
    }
    expect(rig.volumes.told).toEqual({ delivered: 1, undelivered: 0 })
  })

  test('a missing volume is 500 with a JSON Err in the words of REX-Ray', async () => {
    for (const call of ['Get', 'Remove', 'Mount']) {
      const reply = await rig.client(dialect).call(call, { Name: 'zz' })
      expect(reply.status).toBe(500)
      expect(reply.json).toEqual({
        Err: `docker-legacy: ${call}: zz: failed: volume "zz" not found`,
      })
      expectPluginHeaders(reply)
    }
  })

  test('a missing volume has no path, and nothing to unmount', async () => {
    const client = rig.client(dialect)
    const path = await client.call('Path', { Name: 'zz' })
    expect([path.status, path.json]).toEqual([200, { Mountpoint: '', Err: '' }])
    const unmount = await client.call('Unmount', { Name: 'zz', ID })
    expect([unmount.status, unmount.json]).toEqual([200, { Err: '' }])
  })
})

describe('what clients may send', () => {
  test.each([
    ['an empty Host and no Content-Type', MINIMAL],
    ['no Host at all', ['Content-Length: 13']],
    ['the Host of newer engines', ['Host: plugin.moby.localhost', 'Content-Length: 13']],
    ['a Host with a port', ['Host: 10.0.0.1:7979', 'Content-Length: 13']],
    ['a wrong Content-Type', [...MINIMAL, 'Content-Type: text/html; charset=utf-16']],
    ['a form', [...MINIMAL, 'Content-Type: application/x-www-form-urlencoded']],
    ['another Accept', [...MINIMAL, 'Accept: image/png', 'Accept-Encoding: gzip']],
    ['keep-alive', [...MINIMAL, 'Connection: keep-alive']],
  ])('a request with %s is answered', async (_title, headers) => {
    rig.volumes.put({ name: 'v1' })
    const reply = await rig.send(post('/VolumeDriver.Get', '{"Name":"v1"}', headers))
    expect(reply.json).toMatchObject({ Volume: { Name: 'v1' } })
  })

  test('a client that expects 100-continue gets that, and then its answer', async () => {
    const headers = [...MINIMAL, 'Expect: 100-continue']
    const text = await exchange(
      { path: rig.path },
      post('/VolumeDriver.Create', '{"Name":"v1"}', headers),
    )
    expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
  })

  test('a chunked body is read like any other', async () => {
    const reply = await rig.send(
      post('/VolumeDriver.Create', '7\r\n{"Name"\r\n6\r\n:"v1"}\r\n0\r\n\r\n', [
        'Host: ',
        'Transfer-Encoding: chunked',
      ]),
    )
    expect(reply.json).toEqual({ Err: '' })
    expect(rig.volumes.names()).toEqual(['v1'])
  })

  test('every method but POST is refused with 405 and an Err that says so', async () => {
    for (const call of ALL) {
      for (const method of ['GET', 'PUT', 'OPTIONS', 'DELETE']) {
        const reply = await rig.send(`${method} ${pathOf(call)} HTTP/1.1\r\nHost: \r\n\r\n`)
        expect([call, method, reply.status]).toEqual([call, method, 405])
        expect(errorOf(reply)).toMatch(/use POST/)
        expectPluginHeaders(reply)
      }
    }
  })

  test.each([
    '/',
    '/VolumeDriver.Explode',
    '/volumedriver.get',
    '/VolumeDriver.Get/',
    '/%',
    '//x:y/',
    '*',
  ])('the unknown path %s is answered with 404 and an Err', async (path) => {
    const reply = await rig.send(post(path, '{"Name":"v1"}', MINIMAL))
    expect(reply.status).toBe(404)
    expect(typeof errorOf(reply)).toBe('string')
    expectPluginHeaders(reply)
  })

  test.each(ALL)('invalid JSON to %s is answered with 400 and an Err', async (call) => {
    const reply = await rig.send(
      post(pathOf(call), '{"Name": "v1"', ['Host: ', 'Content-Length: 13']),
    )
    expect(reply.status).toBe(400)
    expect(errorOf(reply)).toMatch(/^the request is not JSON/)
    expectPluginHeaders(reply)
  })
})

test('the bytes of dockerd 20.10 are those that were seen on the wire', () => {
  expect(callBytes('dockerd 20.10', 'Create', { Name: 'v1', Opts: { a: 'b', size: '10' } })).toBe(
    'POST /VolumeDriver.Create HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n' +
      'Content-Length: 43\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n\r\n' +
      '{"Name":"v1","Opts":{"a":"b","size":"10"}}\n',
  )
})

test.each([
  {
    waits: 'Docker for a plugin of its own finding',
    ms: 120_000,
    slowMs: 110_000,
    otherMs: 55_000,
  },
  { waits: 'docker plugin enable', ms: 30_000, slowMs: 25_000, otherMs: 25_000 },
  { waits: 'Podman', ms: 5_000, slowMs: 3_000, otherMs: 3_000 },
])('answers inside the time that $waits waits', ({ ms, slowMs, otherMs }) => {
  expect(deadlinesWithin(ms)).toEqual({ slowMs, otherMs })
})
