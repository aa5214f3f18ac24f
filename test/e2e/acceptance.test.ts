import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, parseReply, pathOf, post, type RawReply } from '../support/docker-client.ts'
import { expectNothingLeft } from '../support/leftovers.ts'
import { Machine, projectDirectory } from '../support/machine.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'

let machine: Machine
let server: ServerProcess

beforeAll(async () => {
  machine = await Machine.start()
  server = await startServer(machine)
})
afterAll(() => machine.end())

async function send(...bytes: string[]): Promise<RawReply> {
  return parseReply(await exchange({ path: server.socket }, bytes))
}

/** A call with exactly these header lines beside the length of its body. */
function bytesOf(call: string, body: string, ...headers: string[]): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}`
  return post(pathOf(call), body, ['Host: ', length, ...headers])
}

function say(call: string, fields: object | string): Promise<RawReply> {
  return send(bytesOf(call, typeof fields === 'string' ? fields : `${JSON.stringify(fields)}\n`))
}

async function stillServes(): Promise<void> {
  expect(await say('Activate', '')).toMatchObject({
    status: 200,
    json: { Implements: ['VolumeDriver'] },
  })
  expect(server.ended()).toBe(false)
}

const refused = { json: { Err: expect.stringMatching(/./) } }

describe('raw bytes to the built program', () => {
  test('a life with an empty Host, no Content-Type, Opts null, {} and absent, no ID, and keys nobody knows', async () => {
    for (const body of [
      { Name: 'raw', Opts: null },
      { Name: 'raw', Opts: {} },
      { Name: 'raw', Unknown: [1, { a: null }] },
    ])
      expect(await say('Create', body)).toMatchObject({ status: 200, json: { Err: '' } })
    const mounted = await say('Mount', { Name: 'raw', Extra: 1 })
    expect(mounted).toMatchObject({
      status: 200,
      json: { Mountpoint: expect.stringMatching(/^\//) },
    })
    expect(await say('Mount', { Name: 'raw', ID: '' })).toMatchObject({ status: 200 })
    expect(await say('Unmount', { Name: 'raw' })).toMatchObject({ status: 200 })
    expect(await say('Remove', { Name: 'raw' })).toMatchObject({ status: 200 })
    await expectNothingLeft(machine)
  })

  test.each(['Create', 'Remove', 'Mount', 'Unmount', 'Path'])(
    'an empty body is never a success of %s',
    async (call) => {
      expect(await say(call, '')).toMatchObject({ status: 500, ...refused })
    },
  )

  test('an empty body of Get has no answer, and of Activate, List and Capabilities a good one', async () => {
    expect(await exchange({ path: server.socket }, bytesOf('Get', '')).catch(() => '')).toBe('')
    for (const call of ['Activate', 'List', 'Capabilities'])
      expect(await say(call, '')).toMatchObject({ status: 200 })
  })

  test('a Content-Length that is too short is an error, one that is too long waits and does nothing', async () => {
    const body = '{"Name":"raw"}'
    const lines = (length: number) => ['Host: ', `Content-Length: ${length}`]
    expect(await send(post(pathOf('Create'), body, lines(5)))).toMatchObject({
      status: 400,
      ...refused,
    })
    await leave(post(pathOf('Create'), body, lines(500)))
    expect((await say('List', {})).json).toEqual({ Volumes: [], Err: '' })
  })

  test('an unknown path is 404, another method 405, invalid JSON 400, each with Err', async () => {
    expect(await say('Explode', {})).toMatchObject({ status: 404, ...refused })
    const get = 'GET /VolumeDriver.List HTTP/1.1\r\nHost: \r\n\r\n'
    expect(await send(get)).toMatchObject({ status: 405, ...refused })
    expect(await say('Create', 'null')).toMatchObject({ status: 500, ...refused })
    for (const body of ['{"Name":', '[]', '"x"', 'hello', '{"Name":7}'])
      expect(await say('Create', body)).toMatchObject({ status: 400, ...refused })
    await stillServes()
  })

  test('a body of a megabyte is read', async () => {
    const reply = await say('Get', { Name: 'missing', Padding: 'x'.repeat(1_000_000) })
    expect(reply).toMatchObject({ status: 500, json: { Err: expect.stringMatching(/not found/) } })
  })

  test('half a request, a connection that says nothing, and two requests at once do no harm', async () => {
    await leave('')
    await leave(bytesOf('Create', '{"Name":"half"}').slice(0, -4))
    const two = await send(bytesOf('List', '{}') + bytesOf('Create', '{"Name":"second"}'))
    expect([two.status, two.rest]).toEqual([200, ''])
    expect((await say('List', {})).json).toEqual({ Volumes: [], Err: '' })
    await stillServes()
  })
})

/** Says something and goes. */
function leave(bytes: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.socket, () => {
      socket.write(bytes, () => socket.destroy())
      if (bytes === '') socket.destroy()
    })
    socket.once('close', () => resolve())
    socket.once('error', reject)
  })
}

/** What an engine's plugin has to survive, and the test elsewhere that shows it. */
const shown: readonly (readonly [line: string, file: string, title: string])[] = [
  ['the cases of moby', 'e2e/moby', 'TestExternalVolumeDriverUnmountOnCp'],
  ['each command’s calls', 'e2e/docker-calls', 'restart: an Unmount, and a Mount with a new id'],
  ['dockerd killed, no restart', 'e2e/restarts', 'leaves no reference that keeps a volume'],
  ['dockerd killed, started again', 'e2e/restarts', 'and started again starts its containers'],
  ['live restore', 'e2e/restarts', 'with live restore leaves containers running'],
  ['live restore, then cp', 'e2e/unbalanced', 'a cp after dockerd came back'],
  ['cp on a running container', 'e2e/docker', 'into and out of a running container'],
  ['cp whose Mount fails', 'e2e/unbalanced', 'a cp whose Mount fails'],
  ['an Unmount that fails', 'e2e/unbalanced', 'an Unmount that was refused'],
  ['a Get that fails at a stop', 'e2e/unbalanced', 'a Get that failed when the container stopped'],
  ['a Mount that is given up', 'plugin-api/serve-call', 'gets no reference though the work'],
  ['plugin away at a stop', 'e2e/unbalanced', 'a plugin that is away'],
  ['plugin killed under containers', 'e2e/restarts', 'loses no byte of theirs'],
  ['plugin restarted under load', 'e2e/restarts', 'loses no call over connections'],
  ['graceful stop of dockerd', 'e2e/docker', 'keeps data over restarts of container'],
  ['a reboot', 'mount/reconcile', 'nothing of an earlier boot is left'],
  ['Podman', 'e2e/podman', 'writes in one container and reads in the next'],
  ['Podman’s time-out', 'e2e/podman-interrupted', 'gives up a Mount after its 5 s'],
]

describe('the checklist of what engines do', () => {
  test.each(shown)('%s is shown by %s: %s', (_line, file, title) => {
    const source = readFileSync(join(projectDirectory, `test/${file}.test.ts`), 'utf8')
    expect(source.includes(title)).toBe(true)
  })
})
