import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errorOf } from '../support/docker-client.ts'
import { PluginRig } from '../support/plugin-rig.ts'

const ID = '4f1b6d1a'.repeat(8)

let rig: PluginRig
beforeEach(async () => {
  rig = await PluginRig.start()
})
afterEach(() => rig.stop())

describe('Get and List', () => {
  test('tell of an unmounted volume what REX-Ray told, under its very keys', async () => {
    const createdAt = new Date('2024-01-02T03:04:05.678Z')
    rig.volumes.put({ name: 'v1', sizeGiB: 16, zone: 'eu-1a', type: 'gp3', iops: 3000, createdAt })
    const status = {
      name: 'v1',
      size: 16,
      iops: 3000,
      type: 'gp3',
      availabilityZone: 'eu-1a',
      fields: null,
      service: 'memory',
      server: 'memory',
    }
    const entry = {
      Name: 'v1',
      Mountpoint: '',
      CreatedAt: createdAt.toISOString(),
      Status: status,
    }
    expect((await rig.client().call('Get', { Name: 'v1' })).json).toEqual({
      Volume: entry,
      Err: '',
    })
    expect((await rig.client().call('List')).json).toEqual({ Volumes: [entry], Err: '' })
  })

  test('tell of a mounted volume where it is, who holds it, and how full it is', async () => {
    rig.volumes.put({ name: 'v1' })
    rig.volumes.lastErrors.set('v1', 'a growth failed')
    await rig.client().call('Mount', { Name: 'v1', ID })
    const { json } = await rig.client().call('Get', { Name: 'v1' })
    expect(json).toMatchObject({
      Volume: {
        Mountpoint: '/mnt/v1/data',
        Status: {
          usedBytes: 4096,
          freeBytes: 8192,
          holders: [ID],
          mountedSince: '2024-05-06T07:08:09.000Z',
          lastError: 'a growth failed',
        },
      },
    })
  })

  test('tell of a detach that waits for a machine to let go, as long as it does', async () => {
    const since = new Date('2024-05-06T07:08:09.000Z')
    const attached = { volumeId: 'v', instanceId: 'i-0abc', state: 'attached', since } as const
    rig.volumes.put({ name: 'v1', attachments: [{ ...attached, state: 'detaching' }] })
    rig.volumes.put({ name: 'v2', attachments: [attached] })
    const { json } = await rig.client().call('List')
    expect(json).toMatchObject({ Volumes: [{ Status: { detachingFrom: 'i-0abc' } }, {}] })
    const { json: other } = await rig.client().call('Get', { Name: 'v2' })
    expect(JSON.stringify(other)).not.toContain('detachingFrom')
  })

  test('answer with the name that was asked for, whatever the platform calls the volume', async () => {
    rig.volumes.put({ name: 'data' })
    const data = await rig.volumes.get('data')
    rig.volumes.get = async () => data
    const { json } = await rig.client().call('Get', { Name: 'DATA' })
    expect(json).toMatchObject({ Volume: { Name: 'DATA', Status: { name: 'data' } } })
  })

  test('leave out a creation time that Docker could not read', async () => {
    for (const createdAt of [new Date(Number.NaN), new Date(8.64e15)]) {
      rig.volumes.put({ name: 'v1', createdAt })
      const { json } = await rig.client().call('Get', { Name: 'v1' })
      expect(json).toMatchObject({ Volume: { Name: 'v1' } })
      expect((json as { Volume: object }).Volume).not.toHaveProperty('CreatedAt')
    }
  })

  test('leave out volumes without a name', async () => {
    rig.volumes.put({ name: '' })
    rig.volumes.put({ name: 'v1' })
    const { json } = await rig.client().call('List')
    expect((json as { Volumes: unknown[] }).Volumes).toEqual([
      expect.objectContaining({ Name: 'v1' }),
    ])
  })

  test('never send a null: a List that a bug would fill with it is an error', async () => {
    rig.volumes.list = async () => [null as never]
    const reply = await rig.client().call('List')
    expect(reply.status).toBe(500)
    expect(errorOf(reply)).toBe(
      'docker-legacy: List: failed: internal error, see the log of the plugin',
    )
  })

  test('never create', async () => {
    await rig.client().call('Get', { Name: 'v1' })
    expect(rig.volumes.names()).toEqual([])
  })

  test('are answered while a Mount of the same volume takes its time', async () => {
    rig.volumes.put({ name: 'v1' })
    const hold = rig.volumes.calls.hold('mount')
    const mount = rig.client().call('Mount', { Name: 'v1', ID })
    await hold.reached
    expect((await rig.client().call('Get', { Name: 'v1' })).status).toBe(200)
    expect((await rig.client().call('List')).status).toBe(200)
    hold.release()
    expect((await mount).status).toBe(200)
  })
})
