import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errorOf, post } from '../support/docker-client.ts'
import { PluginRig } from '../support/plugin-rig.ts'

const ID = '4f1b6d1a'.repeat(8)

let rig: PluginRig
beforeEach(async () => {
  rig = await PluginRig.start()
})
afterEach(() => rig.stop())

describe('the fields of a request', () => {
  test.each([
    ['null', '{"Name":"v1","Opts":null}', {}],
    ['empty', '{"Name":"v1","Opts":{}}', {}],
    ['absent', '{"Name":"v1"}', {}],
    [
      'with = and , and nothing in values',
      '{"Name":"v1","Opts":{"o":"a=b","csv":"1,2","flag":""}}',
      {
        o: 'a=b',
        csv: '1,2',
        flag: '',
      },
    ],
    [
      'numbers, booleans and null',
      '{"Name":"v1","Opts":{"size":10,"encrypted":true,"type":null}}',
      {
        size: '10',
        encrypted: 'true',
        type: '',
      },
    ],
  ])('Opts may be %s', async (_title, body, expected) => {
    const reply = await rig.send(
      post('/VolumeDriver.Create', body, ['Host: ', `Content-Length: ${body.length}`]),
    )
    expect(reply.json).toEqual({ Err: '' })
    expect(rig.volumes.optionsOf('v1')).toEqual(expected)
  })

  test.each(['{"Name":"v1"}', '{"Name":"v1","ID":""}', '{"Name":"v1","ID":null}'])(
    'a Mount without an id is one of no holder: %s',
    async (body) => {
      rig.volumes.put({ name: 'v1' })
      const headers = ['Host: ', `Content-Length: ${body.length}`]
      await rig.send(post('/VolumeDriver.Mount', body, headers))
      await rig.send(post('/VolumeDriver.Mount', body, headers))
      expect(rig.volumes.referencesTo('v1')).toEqual({ '': 1 })
      await rig.send(post('/VolumeDriver.Unmount', body, headers))
      expect(rig.volumes.referencesTo('v1')).toEqual({})
    },
  )

  test('the second Mount of docker cp counts beside the first', async () => {
    rig.volumes.put({ name: 'v1' })
    await rig.client().call('Mount', { Name: 'v1', ID })
    await rig.client().call('Mount', { Name: 'v1', ID })
    await rig.client().call('Unmount', { Name: 'v1', ID })
    expect(rig.volumes.referencesTo('v1')).toEqual({ [ID]: 1 })
  })

  test('keys that nobody knows are ignored', async () => {
    await rig.client().call('Create', { Name: 'v1', Labels: { a: 1 }, ReadOnly: true })
    expect(rig.volumes.names()).toEqual(['v1'])
  })

  test.each(['a b', 'ünï ☃', 'name=x,size=5,repl=3', 'foo@datastore', '"\\', 'x'.repeat(128)])(
    'a name reaches the driver verbatim: %j',
    async (name) => {
      expect((await rig.client().call('Create', { Name: name })).json).toEqual({ Err: '' })
      expect(rig.volumes.names()).toEqual([name])
    },
  )

  test.each(['../../../tmp/evil', '/abs', 'x'.repeat(300)])(
    'a name that the driver refuses is an error that names it: %j',
    async (name) => {
      const reply = await rig.client().call('Create', { Name: name })
      expect(reply.status).toBe(500)
      const named = `volume ${JSON.stringify(name)} cannot be created: its name `
      expect(errorOf(reply)).toContain(`docker-legacy: Create: ${name}: failed: ${named}`)
    },
  )

  test.each([
    '{"Name":5}',
    '{"Name":"v1","Opts":"size=5"}',
    '{"Name":"v1","Opts":{"size":{}}}',
    '[]',
    '7',
  ])('what is not of the shape of a request is 400 with Err: %s', async (body) => {
    const reply = await rig.send(
      post('/VolumeDriver.Create', body, ['Host: ', `Content-Length: ${body.length}`]),
    )
    expect(reply.status).toBe(400)
    expect(errorOf(reply)).toMatch(/request/)
    expect(rig.volumes.names()).toEqual([])
  })

  test('an option named __proto__ is refused as every other one that nobody knows', async () => {
    const body = '{"Name":"v1","Opts":{"__proto__":"x","size":"1"}}'
    const reply = await rig.send(
      post('/VolumeDriver.Create', body, ['Host: ', `Content-Length: ${body.length}`]),
    )
    expect(errorOf(reply)).toContain('option __proto__ is unknown, leave it out')
    expect(rig.volumes.names()).toEqual([])
  })
})
