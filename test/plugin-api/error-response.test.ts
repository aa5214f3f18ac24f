import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UnavailableError } from '../../src/libstorage/errors.ts'
import { errorOf } from '../support/docker-client.ts'
import { InMemoryVolumes } from '../support/in-memory-volumes.ts'
import { PluginRig } from '../support/plugin-rig.ts'

const ID = '4f1b6d1a'.repeat(8)
const CHANGES = ['Create', 'Remove', 'Mount', 'Unmount']

let rig: PluginRig
beforeEach(async () => {
  rig = await PluginRig.start()
})
afterEach(() => rig.stop())

describe('a failure', () => {
  test('meant for the user is passed on whole', async () => {
    rig.volumes.calls.fail(
      'list',
      new UnavailableError({ subject: 'EC2', problem: 'is throttling', remedy: 'try again' }),
    )
    const reply = await rig.client().call('List')
    expect(reply.status).toBe(500)
    expect(reply.json).toEqual({ Err: 'docker-legacy: List: failed: EC2 is throttling, try again' })
  })

  test.each(CHANGES)('that is a bug in %s is not explained to the client', async (call) => {
    rig.volumes.put({ name: 'v1' })
    const method = call.toLowerCase() as 'mount'
    rig.volumes.calls.fail(method, new TypeError('secret is undefined'))
    const reply = await rig.client().call(call, { Name: 'v1', ID })
    expect(reply.status).toBe(500)
    expect(reply.json).toEqual({
      Err: `docker-legacy: ${call}: v1: failed: internal error, see the log of the plugin`,
    })
  })

  test.each(['', 'relative'])('is what a mount point like %j becomes', async (root) => {
    const badRig = await PluginRig.start({ volumes: new InMemoryVolumes({ root }) })
    try {
      badRig.volumes.put({ name: 'v1' })
      await badRig.volumes.mount({ name: 'v1', holder: 'other' })
      for (const call of ['Mount', 'Path', 'Get', 'List']) {
        const reply = await badRig.client().call(call, { Name: 'v1', ID })
        expect([call, reply.status]).toEqual([call, 500])
        expect(errorOf(reply)).toMatch(/internal error/)
      }
      expect(badRig.volumes.told).toEqual({ delivered: 0, undelivered: 1 })
      expect(badRig.volumes.referencesTo('v1')).toEqual({ other: 1 })
    } finally {
      await badRig.stop()
    }
  })
})
