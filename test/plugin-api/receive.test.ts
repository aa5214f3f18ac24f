import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errorOf, pathOf, post, retryBytes } from '../support/docker-client.ts'
import { expectPluginHeaders, PluginRig } from '../support/plugin-rig.ts'

let rig: PluginRig
beforeEach(async () => {
  rig = await PluginRig.start()
})
afterEach(() => rig.stop())

describe('a body that got lost', () => {
  test.each(['Create', 'Remove', 'Mount', 'Unmount', 'Path'])(
    'never makes a success of %s',
    async (call) => {
      rig.volumes.put({ name: 'v1' })
      for (const body of ['', '{}\n', '{"Name":""}\n', 'null']) {
        const reply = await rig.send(
          post(pathOf(call), body, ['Host: ', `Content-Length: ${body.length}`]),
        )
        expect(reply.status).toBe(500)
        expect(reply.json).toEqual({ Err: 'empty request (retry of an interrupted call)' })
        expectPluginHeaders(reply)
      }
      expect(rig.volumes.names()).toEqual(['v1'])
    },
  )

  test('breaks the connection of a Get, so that Docker keeps what it knows', async () => {
    await expect(rig.send(retryBytes('Get'))).rejects.toThrow('not an HTTP reply: ""')
    expect((await rig.client().call('Activate')).status).toBe(200)
  })

  test('of a Get whose name is empty is an error', async () => {
    const reply = await rig.client().call('Get', { Name: '' })
    expect(reply.status).toBe(500)
  })

  test.each(['Activate', 'Capabilities', 'List'])('does not matter to %s', async (call) => {
    expect((await rig.send(retryBytes(call))).status).toBe(200)
    const noLength = await rig.send(`POST ${pathOf(call)} HTTP/1.1\r\nHost: \r\n\r\n`)
    expect(noLength.status).toBe(200)
  })
})

describe('a long body', () => {
  const EMPTY = JSON.stringify({ Name: 'v1', Opts: { a: '' } }).length
  test('a body of a megabyte is read, a longer one is refused with Err', async () => {
    const filled = (length: number) =>
      JSON.stringify({ Name: 'v1', Opts: { a: 'x'.repeat(length - EMPTY) } })
    const megabyte = 1024 * 1024
    const send = (length: number) =>
      rig.send(
        post('/VolumeDriver.Create', filled(length), ['Host: ', `Content-Length: ${length}`]),
      )
    expect((await send(megabyte)).json).toEqual({ Err: '' })
    const refused = await send(megabyte + 1)
    expect(refused.status).toBe(413)
    expect(errorOf(refused)).toMatch(/longer than 1048576 bytes/)
    expect((await send(megabyte * 5)).status).toBe(413)
  })
})
