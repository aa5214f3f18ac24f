import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type EbsMachine, type EbsMachineSettings, EbsMachines } from '../support/ebs-machines.ts'
import { eventually } from '../support/machine.ts'
import type { Writer } from '../support/served-machine.ts'

let machines: EbsMachines
let holder: EbsMachine
let writer: Writer
/** Where containers of any machine find their data, below its home. */
const data = 'var/lib/volumes/data/data'

beforeEach(async () => {
  machines = await EbsMachines.open()
  holder = await machines.add()
  await holder.serve()
  await holder.create()
  writer = await holder.write(join(await holder.mount('a'), 'lines'))
})
afterEach(async () => {
  await writer.kill()
  await machines.end()
})

async function add(settings: EbsMachineSettings): Promise<EbsMachine> {
  const added = await machines.add(settings)
  await added.serve()
  return added
}

const volumeId = () => machines.simulator.named('data')[0]?.id ?? ''

/** What EC2 was asked to take from an instance, in order. */
function takings(): string[] {
  return machines.simulator.calls
    .filter(({ action }) => action === 'DetachVolume' || action === 'StopInstances')
    .map(({ action, parameters }) => {
      const from = parameters['InstanceId'] ?? parameters['InstanceId.1']
      return `${action}${parameters['Force'] === 'true' ? ' by force' : ''} ${from === holder.instance.id ? 'holder' : from}`
    })
}

/** Every line of which the holder's program was told that it is durable is at the winner. */
function expectAllAcknowledged(winner: EbsMachine): void {
  const found = readFileSync(winner.machine.path(join(winner.machine.home, data, 'lines')), 'utf8')
  const lines = new Set(found.split('\n'))
  const acknowledged = writer.acknowledged()
  expect(acknowledged.length).toBeGreaterThan(20)
  expect(acknowledged.filter((line) => !lines.has(line))).toEqual([])
}

/** The program at the holder goes on writing, and nothing of that is ever anywhere. */
async function expectNothingLate(): Promise<void> {
  const acknowledged = writer.acknowledged()
  const refused = writer.refused()
  await eventually('more writes to be refused', () => writer.refused() > refused + 20)
  expect(writer.acknowledged()).toEqual(acknowledged)
  expect(machines.simulator.files.lateWrites(volumeId())).toBe(0)
  console.log(
    `${acknowledged.length} lines acknowledged, all at the winner; ${writer.refused()} refused later, none anywhere`,
  )
}

describe('a volume of an instance that runs and writes', () => {
  test('is taken under true with all that was acknowledged, and goes back when the winner lets it go', async () => {
    const winner = await add({ preempt: true })
    await winner.mount('b')
    expect(takings()).toEqual(['DetachVolume holder'])
    expectAllAcknowledged(winner)
    await expectNothingLate()

    await eventually('the loss to be noticed', () => holder.events('lost').length === 1)
    expect(holder.events('lost')[0]).toMatchObject({ instance: winner.instance.id })
    await eventually(
      'the dead mount to be taken away',
      () => !holder.machine.mounts().some((point) => point.endsWith('/data')),
    )
    // The node that has returned takes nothing back while the winner runs.
    const refused = await holder.call('Mount', { ID: 'c' })
    expect(refused.body['Err']).toMatch(
      new RegExp(`volume "data" .*is attached to ${winner.instance.id} since`),
    )
    await winner.tool('sh', '-c', `echo kept > ${join(winner.machine.home, data, 'kept')}`)
    await winner.unmount('b')
    await eventually('the volume to be free', () => machines.holders().length === 0)
    const again = await holder.mount('c')
    expectAllAcknowledged(holder)
    expect(readFileSync(holder.machine.path(join(again, 'kept')), 'utf8')).toBe('kept\n')
    expect(holder.events('taken-over')).toEqual([])
  })

  test('and answers EC2 no more is taken under true by force, as the last step', async () => {
    holder.instance.hang()
    const winner = await add({ preempt: true })
    await winner.mount('b')
    expect(takings()).toEqual(['DetachVolume holder', 'DetachVolume by force holder'])
    expectAllAcknowledged(winner)
    await expectNothingLate()
    expect(winner.events('taken-over')).toMatchObject([
      { instance: holder.instance.id, cause: `${holder.instance.id} was detached by force` },
    ])
    await eventually('the winner to say so', () =>
      winner.output().includes(`is taken from ${holder.instance.id} by force`),
    )
  })

  test('is had under fence only when that instance is stopped, without force', async () => {
    holder.instance.onHeldDisk('busy')
    const winner = await add({ preempt: 'fence' })
    await winner.mount('b')
    expect(holder.instance.state()).toBe('stopped')
    expect(takings()).toEqual(['StopInstances by force holder', 'DetachVolume holder'])
    expectAllAcknowledged(winner)
    await expectNothingLate()
  })

  test('is refused under false and under dead, and the holder goes on writing', async () => {
    for (const preempt of [false, 'dead'] as const) {
      const other = await add({ preempt })
      const { status, body } = await other.call('Mount', { ID: 'b' })
      expect(status).toBe(500)
      expect(body['Err']).toContain(`volume "data" is attached to ${holder.instance.id} since `)
    }
    const before = writer.acknowledged().length
    await eventually('the holder to go on', () => writer.acknowledged().length > before)
    expect(writer.refused()).toBe(0)
    expect(takings()).toEqual([])
  })
})

describe('a volume of an instance that wrote until it', () => {
  test('was stopped is had under dead with all that was acknowledged', async () => {
    holder.instance.stop()
    const winner = await add({ preempt: 'dead' })
    await winner.mount('b')
    expect(holder.instance.state()).toBe('stopped')
    expect(takings()).toEqual(['DetachVolume holder'])
    expectAllAcknowledged(winner)
    await expectNothingLate()
  })

  test('was terminated is had under false with all that was acknowledged, without any request', async () => {
    const winner = await add({ preempt: false, attachWait: '30s' })
    holder.instance.terminate()
    await winner.mount('b')
    expect(holder.instance.state()).toBe('terminated')
    expect(takings()).toEqual([])
    expectAllAcknowledged(winner)
    await expectNothingLate()
  })
})
