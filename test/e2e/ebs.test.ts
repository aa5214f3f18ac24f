import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DetachVolumeCommand } from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readProjectFile } from '../support/documents.ts'
import { type EbsMachine, EbsMachines } from '../support/ebs-machines.ts'
import { clientOf } from '../support/ec2/client.ts'
import { eventually } from '../support/machine.ts'
import { expectSuccess } from '../support/plugin-calls.ts'

const data = { Name: 'data' }

let machines: EbsMachines
beforeEach(async () => {
  machines = await EbsMachines.open()
})
afterEach(() => machines.end())

/** An instance, and the server on it. */
async function host(): Promise<EbsMachine> {
  const added = await machines.add()
  await added.serve()
  return added
}

const folder = ({ machine }: EbsMachine) =>
  machine.path(join(machine.home, 'var/lib/volumes/data/data'))
const holders = () => machines.holders()

test('a volume follows its container from one instance to the other, with its data', async () => {
  const [one, two] = [await host(), await host()]
  await expectSuccess(one.server, 'Create', { ...data, Opts: { size: '1', tags: 'team=db' } })
  await expectSuccess(one.server, 'Mount', { ...data, ID: 'one' })
  writeFileSync(join(folder(one), 'greeting'), 'hello')
  await expectSuccess(one.server, 'Unmount', { ...data, ID: 'one' })
  await eventually('the volume to be detached', () => holders().length === 0)

  await expectSuccess(two.server, 'Mount', { ...data, ID: 'two' })
  expect(readFileSync(join(folder(two), 'greeting'), 'utf8')).toBe('hello')
  expect(machines.simulator.named('data')[0]?.tags).toMatchObject({
    team: 'db',
    'remora/fstype': 'ext4',
  })

  const refused = await one.call('Mount', { ID: 'three' })
  expect(refused.status).toBe(500)
  expect(JSON.stringify(refused)).toContain(two.instance.id)
  await expectSuccess(two.server, 'Unmount', { ...data, ID: 'two' })
  await eventually('the volume to be detached', () => holders().length === 0)
  await expectSuccess(two.server, 'Remove', data)
  expect(machines.simulator.named('data')).toEqual([])
})

test('a disk that was pulled takes nothing more from its loser, and the next one has all that was synced', async () => {
  const [one, two] = [await host(), await host()]
  await expectSuccess(one.server, 'Create', { ...data, Opts: { size: '1' } })
  await expectSuccess(one.server, 'Mount', { ...data, ID: 'one' })
  writeFileSync(join(folder(one), 'synced'), 'bytes')
  execFileSync('sync', ['-f', folder(one)])
  const { id = '' } = machines.simulator.named('data')[0] ?? {}

  const byHand = { VolumeId: id, InstanceId: one.instance.id }
  await clientOf(machines.simulator).send(new DetachVolumeCommand(byHand))
  await eventually('the volume to be free', () => holders().length === 0)
  await expectSuccess(two.server, 'Mount', { ...data, ID: 'two' })
  expect(readFileSync(join(folder(two), 'synced'), 'utf8')).toBe('bytes')
  expect(machines.simulator.files.lateWrites(id)).toBe(0)
})

test("a file of REX-Ray 0.3 from the field is a served ebs service, with the file's preempt", async () => {
  const added = await machines.launch()
  const { instance, machine } = added
  machine.write('etc/config.yml', readProjectFile('test/config/fixtures/field.yml'))
  const env = {
    EBS_ENDPOINT: machines.simulator.endpoint,
    EBS_METADATAENDPOINT: instance.metadata.endpoint,
  }
  const server = await added.serve(env)
  const line = /^service ec2: driver ebs, .*preempt true \(\S+config\.yml:6:7\)/m
  await eventually('the settings to be said', () => line.test(server.output()))

  await expectSuccess(server, 'Create', { ...data, Opts: { size: '1' } })
  await expectSuccess(server, 'Mount', { ...data, ID: 'one' })
  expect(holders()).toHaveLength(1)
  await expectSuccess(server, 'Mount', { ...data, ID: 'two' })
  await expectSuccess(server, 'Unmount', { ...data, ID: 'one' })
  await eventually('the first Unmount to release it', () => holders().length === 0)
})

/** Whether the server has done with a detach: the disk is gone somewhat earlier. */
const hasDetached = (one: EbsMachine) => one.events('detached').length > 0

/** How many requests REX-Ray 0.11 needed for each call, with two looks at what takes its time. */
const REXRAY_REQUESTS = { Create: 7, Get: 1, List: 1, Path: 1, Mount: 9, Unmount: 7, Remove: 2 }

test("check 1: a volume's whole life asks EC2 for no more than with REX-Ray, call by call, and is answered as by it", async () => {
  const one = await host()
  const { instance, server } = one
  const place = join(one.machine.home, 'var/lib/volumes/data/data')
  const status = { availabilityZone: instance.zone, fields: null, iops: 3000, name: 'data' }
  const shown = { Name: 'data', Status: { ...status, server: 'ebs', service: 'ebs', size: 1 } }
  const life = [
    ['Create', { ...data, Opts: { size: '1' } }, {}],
    ['Get', data, { Volume: { ...shown, Mountpoint: '' } }],
    ['List', {}, { Volumes: [{ ...shown, Mountpoint: '' }] }],
    ['Mount', { ...data, ID: 'one' }, { Mountpoint: place }],
    ['Path', data, { Mountpoint: place }],
    ['Unmount', { ...data, ID: 'one' }, {}],
    ['Remove', data, {}],
  ] as const
  expect(await expectSuccess(server, 'Activate')).toEqual({ Implements: ['VolumeDriver'] })
  for (const [call, body, answer] of life) {
    machines.simulator.takeCounts()
    expect(await expectSuccess(server, call, body)).toMatchObject(answer)
    if (call === 'Mount') writeFileSync(join(folder(one), 'file'), 'written')
    if (call === 'Unmount') await eventually('the detach', () => hasDetached(one))
    const requests = Object.values(machines.simulator.takeCounts()).reduce(
      (sum, count) => sum + count,
      0,
    )
    expect({ call, requests: Math.max(requests, REXRAY_REQUESTS[call]) }).toEqual({
      call,
      requests: REXRAY_REQUESTS[call],
    })
  }
  expect(machines.simulator.named('data')).toEqual([])
})
