import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EbsTakeOverWorld, succeeded, wishing } from '../../support/ebs-take-over-world.ts'
import { eventually } from '../../support/eventually.ts'

const never = 600_000
/** Clocks of a process and of what is measured with it may differ by so much, in milliseconds. */
const CLOCKS_MS = 20

let world: EbsTakeOverWorld
beforeEach(async () => {
  world = await EbsTakeOverWorld.open({ boot: never, stop: never })
})
afterEach(() => world.close())

const asked = (what: string) => eventually(() => expect(world.said()).toBe(what), { interval: 5 })

describe('a volume of an instance that runs', () => {
  test('is left to it for attachWait, and force is the last step, preemptGrace after the request', async () => {
    const { holder, other } = world
    holder.instance.onHeldDisk('busy')
    await other.serve(wishing({ preempt: true, attachWaitMs: 400, preemptGraceMs: 500 }))
    const begun = Date.now()
    await succeeded(other.mount('b'))
    expect(world.said()).toBe('detach, detach by force')
    const [detach, force] = world.takings()
    expect(detach?.at).toBeGreaterThanOrEqual(begun + 400 - CLOCKS_MS)
    expect(force?.at).toBeGreaterThanOrEqual((detach?.at ?? 0) + 500 - CLOCKS_MS)
    expect(other.warnings[0]).toMatch(/is taken from i-\w+ by force: what it has not written yet/)
    const cause = `${holder.instance.id} was detached by force`
    const event = { kind: 'taken-over', instance: holder.instance.id, cause }
    expect(other.events).toContainEqual(expect.objectContaining(event))
  })

  test.each([false, true, 'dead', 'fence'] as const)(
    'is had without any request where its container stops within attachWait, under %s',
    async (preempt) => {
      const { holder, other } = world
      await other.serve(wishing({ preempt, attachWaitMs: never }))
      const mount = other.mount('b')
      await eventually(() => expect(world.looksAtHolder()).toBeGreaterThan(0))
      await succeeded(holder.unmount('a'))
      await succeeded(mount)
      expect(world.said()).toBe('detach')
      expect(holder.events.map(({ kind }) => kind)).toContain('detached')
      expect(other.events.map(({ kind }) => kind)).not.toContain('taken-over')
      expect(holder.events.map(({ kind }) => kind)).not.toContain('lost')
    },
  )

  test('is taken by --force where the configuration takes nothing', async () => {
    const { holder, other } = world
    holder.instance.hang()
    await other.serve(wishing({ preempt: false }))
    const refused = await other.mount('b')
    expect(refused.Err).toContain('(which runs)')
    await other.volumes.mount({ name: 'data', holder: 'cli' }, { force: true })
    expect(world.said()).toBe('detach, detach by force')
    expect(world.holders()).toEqual([other.instance.id])
  })

  test('goes on at the third instance that got it meanwhile, which has its own time', async () => {
    const { holder, other } = world
    const third = await world.launch()
    holder.instance.onHeldDisk('busy')
    await other.serve(wishing({ preempt: true, attachWaitMs: 400, preemptGraceMs: never }))
    const mount = other.mount('b')
    await asked('detach')
    const movedAt = Date.now()
    world.moveByHand(third.instance.id)
    await succeeded(mount)
    expect(world.said()).toBe('detach, detach from a third')
    expect(world.takings()[1]?.at).toBeGreaterThanOrEqual(movedAt + 400 - CLOCKS_MS)
  })
})

describe('under fence', () => {
  test('an instance that is starting is stopped as soon as that can be', async () => {
    const { holder, other } = world
    holder.instance.stop()
    holder.instance.settle()
    holder.instance.start()
    await other.serve(wishing({ preempt: 'fence' }))
    const mount = other.mount('b')
    await asked('stop')
    expect(world.takings()[0]?.outcome).toBe('IncorrectInstanceState')
    holder.instance.settle()
    await eventually(() => expect(holder.instance.state()).toBe('stopping'))
    holder.instance.settle()
    await succeeded(mount)
    expect(world.said()).toMatch(/^(stop, )+detach$/)
    expect(other.events).toContainEqual(
      expect.objectContaining({ cause: `${holder.instance.id} was stopped and was detached` }),
    )
  })

  test.each([
    ['a one-time spot instance', 'UnsupportedOperation', 400],
    ['an instance on instance store', 'UnsupportedOperation', 400],
    ['an instance that the caller may not stop', 'UnauthorizedOperation', 403],
    ['an instance with stop protection', 'OperationNotPermitted', 400],
  ])('%s is never taken from by force instead', async (_, code, status) => {
    const { holder, other } = world
    const message = 'You may not stop it.'
    world.ebs.simulator.faults.next('StopInstances', { kind: 'error', code, status, message })
    await other.serve(wishing({ preempt: 'fence' }))
    const { Err } = await other.mount('b')
    expect(Err).toContain(`and the platform refuses to stop that: instance ${holder.instance.id}`)
    expect(Err).toContain(`ec2:StopInstances: ${code}: You may not stop it`)
    expect(Err).toMatch(/detach it there, or take it with volume mount --force$/)
    expect(world.said()).toBe('stop')
    expect(world.holders()).toEqual([holder.instance.id])
  })

  test('a caller whose time is up hears who is still stopping, and the repeat goes on from there', async () => {
    const { holder, other } = world
    await other.serve(wishing({ preempt: 'fence' }), { slowMs: 300, otherMs: 55_000 })
    const late = await other.mount('b')
    expect(late.status).toBe(500)
    expect(late.Err).toMatch(
      new RegExp(
        `volume "data": ${holder.instance.id} is still (stopping|holding it) \\(\\d+ s so far\\), try again$`,
      ),
    )
    await asked('stop')
    await other.serve(wishing({ preempt: 'fence' }))
    const repeat = other.mount('b')
    await eventually(() => expect(world.looksAtHolder()).toBeGreaterThan(3))
    expect(world.said()).toBe('stop')
    holder.instance.settle()
    await succeeded(repeat)
    expect(world.said()).toBe('stop, detach')
  })
})

describe('a reply of EC2 that is lost', () => {
  test.each([
    ['DetachVolume', true],
    ['DetachVolume', 'fence'],
    ['StopInstances', 'fence'],
    ['AttachVolume', true],
    ['DescribeInstances', true],
    ['DescribeVolumes', 'fence'],
  ] as const)(
    'to %s, under %s, is made good, and the volume is had once',
    async (action, preempt) => {
      const { holder, other } = world
      await other.serve(wishing({ preempt, preemptGraceMs: never }))
      await other.call('Get')
      const lost = { kind: 'drop', when: 'after' } as const
      world.ebs.simulator.faults.next(action, lost, lost)
      const mount = other.mount('b')
      if (preempt === 'fence') {
        await eventually(() => expect(holder.instance.state()).toBe('stopping'))
        holder.instance.settle()
      }
      await succeeded(mount)
      expect(world.holders()).toEqual([other.instance.id])
      expect(world.takings().some(({ parameters }) => parameters['Force'] === 'true')).toBe(
        preempt === 'fence',
      )
      expect(world.said()).not.toContain('by force')
    },
  )
})

test('of two instances that want the volume of a stopped one at once, one has it', async () => {
  const { holder, other } = world
  const third = await world.launch()
  holder.instance.stop()
  holder.instance.settle()
  await other.serve(wishing({ preempt: 'dead' }))
  await third.serve(wishing({ preempt: 'dead' }))
  const answers = await Promise.all([other.mount('b'), third.mount('c')])
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 500])
  const winner = answers[0]?.status === 200 ? other : third
  expect(world.holders()).toEqual([winner.instance.id])
  expect([other, third].filter((one) => one.isMounted('data'))).toEqual([winner])
  expect(world.takings().every(({ parameters }) => parameters['Force'] === undefined)).toBe(true)
})
