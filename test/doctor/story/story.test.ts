import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UnavailableError } from '../../../src/libstorage/errors.ts'
import type { InstanceState } from '../../../src/libstorage/types.ts'
import { anAttachment, aVolume, HERE } from '../../support/a-volume.ts'
import { DoctorWorld } from '../../support/doctor-world.ts'
import { loopUnavailable } from '../../support/loop-world.ts'

let world: DoctorWorld
beforeEach(() => {
  world = new DoctorWorld()
  world.useCloud()
})
afterEach(() => world.end())

const SINCE = '2024-05-06T07:08:09.000Z'

async function story(volume = 'pg'): Promise<readonly string[]> {
  const lines = await world.lines({ volume })
  return lines.filter((line) => / volume\./.test(line))
}

function preempting(policy: string): void {
  const operations = `operations:\n        mount:\n          preempt: ${policy}`
  world.configure(
    `libstorage:\n  service: cloud\n  integration:\n    volume:\n      ${operations}\n`,
  )
}

function heldBy(instanceId: string, state: InstanceState = 'running'): void {
  const attachments = [anAttachment('vol-pg', { instanceId, since: new Date(SINCE) })]
  world.volumes.push(aVolume({ name: 'pg', attachments }))
  world.instances = {
    status: async (id) => ({ id, state }),
    stop: async () => {
      world.changes.push('stop')
    },
  }
}

test('a volume that nobody has: what it is, that nobody holds it, and that a mount would go on', async () => {
  world.volumes.push(aVolume({ name: 'pg', zone: 'a', type: 'gp3', createdAt: new Date(SINCE) }))

  expect(await story()).toEqual([
    `pass volume.place: volume "pg" is vol-pg, 1 GiB, gp3, a, available, made at ${SINCE}`,
    'pass volume.place: it is attached nowhere',
    'pass volume.holders: nobody holds it here: no record of it',
    'pass volume.mount: a mount here would go on: nobody has it: it is attached here (preempt false)',
    'pass volume.mount: what lies on it is looked at when it is attached; it is formatted only if it is blank',
    'pass volume.events: no event of it is known here',
  ])
})

test.each([
  ['attaching', 'is stuck attaching since'],
  ['detaching', 'is busy: it is being detached since'],
] as const)(
  'one that is stuck %s here is no volume that a mount would get',
  async (state, said) => {
    const attachments = [anAttachment('vol-pg', { state, since: new Date(SINCE) })]
    world.volumes.push(aVolume({ name: 'pg', state: 'in-use', attachments }))
    world.record('pg', { releasing: { since: SINCE } })
    const lines = await story()

    expect(lines[1]).toMatch(
      new RegExp(`^fail volume.place: volume "pg" \\(vol-pg( in a)?\\) ${said}`),
    )
    expect(lines).toContain('skip volume.mount: not looked at, because volume.place failed')
  },
)

test('one that somebody detaches here is no failure: a mount waits for that', async () => {
  const attachments = [anAttachment('vol-pg', { state: 'detaching', since: new Date(SINCE) })]
  world.volumes.push(aVolume({ name: 'pg', state: 'in-use', attachments }))
  const lines = await story()

  expect(lines[1]).toMatch(/^pass volume.place: it is detaching from this machine since/)
  expect(lines).toContainEqual(
    expect.stringMatching(
      /^pass volume.mount: a mount here would go on: its detach is finished first/,
    ),
  )
})

test('a release that has just begun is not stuck', async () => {
  const attachments = [anAttachment('vol-pg', { state: 'detaching', since: new Date(SINCE) })]
  world.volumes.push(aVolume({ name: 'pg', state: 'in-use', attachments }))
  world.record('pg', { releasing: { since: new Date().toISOString() } })

  expect((await story()).slice(1, 2)).toEqual([
    expect.stringMatching(/^pass volume.place: it is detaching from this machine since/),
  ])
})

test('the volume is found by its id, and in any letter case', async () => {
  world.volumes.push(aVolume({ name: 'pg' }))
  const byName = await story()

  expect((await story('vol-pg')).filter((line) => line.includes('volume.place'))).toEqual(
    byName.filter((line) => line.includes('volume.place')),
  )
  expect((await story('PG'))[0]).toMatch(/^pass volume.place: volume "pg" is vol-pg/)
})

test('a name that no volume has fails, and names the nearest one', async () => {
  world.volumes.push(aVolume({ name: 'pgdata' }))

  expect(await story('pgdat')).toEqual([
    'fail volume.place: volume "pgdat" not found among 1 volume; the nearest name is "pgdata"',
    'pass volume.holders: nobody holds it here: no record of it',
    'skip volume.mount: not looked at, because volume.place failed',
    'pass volume.events: no event of it is known here',
  ])
})

test('without its platform, what is recorded of it is told all the same', async () => {
  world.answer = () =>
    Promise.reject(new UnavailableError({ subject: 'EC2', problem: 'does not answer' }))
  const reference = { id: 'a1b2c3d4e5f6a7b8', count: 2, undelivered: 0, since: SINCE }
  world.record('pg', { attachment: { instanceId: HERE }, references: [reference] })
  const lines = await story()

  expect(lines[0]).toBe('fail volume.place: EC2 does not answer')
  expect(lines).toContainEqual(
    expect.stringMatching(
      /^pass volume.holders: mount id a1b2c3d4e5f6 holds it since 2024-05-06T07:08:09Z \(\d+ days\), 2 times$/,
    ),
  )
  expect(lines).toContain('fail volume.holders: volume "pg" (vol-pg) is used and is not mounted')
})

test('its last ten events are told, and no other volume’s', async () => {
  world.volumes.push(aVolume({ name: 'pg' }))
  const event = (volume: string, number: number) => ({
    time: `2024-05-06T07:08:${String(number).padStart(2, '0')}.000Z`,
    ...{ kind: 'mounted', service: 'cloud', volume, volumeId: `vol-${volume}`, durationMs: number },
  })
  const all = Array.from({ length: 12 }, (_, number) => event('pg', number))
  const lines = [...all, event('other', 13)].map((one) => `${JSON.stringify(one)}\n`)
  world.write('var/log/events.jsonl', lines.join(''))
  const told = (await story()).filter((line) => line.includes('volume.events'))

  expect(told).toHaveLength(10)
  expect(told[0]).toBe('pass volume.events: 2024-05-06T07:08:02.000Z mounted: 2 ms')
  expect(told[9]).toBe('pass volume.events: 2024-05-06T07:08:11.000Z mounted: 11 ms')
})

describe('what a mount here would come to', () => {
  test.each([
    {
      state: 'running',
      policy: 'false',
      said: /^fail .*would be refused .*is attached to i-other since .* \(which runs\)/,
    },
    {
      state: 'running',
      policy: 'true',
      said: /^pass .*taken from i-other \(running\): .*waited for, it is detached there, it gets its time to let go, it is detached by force/,
    },
    { state: 'running', policy: 'dead', said: /^fail .*would be refused .*i-other/ },
    {
      state: 'running',
      policy: 'fence',
      said: /^pass .*taken from i-other .*that machine is stopped/,
    },
    { state: 'stopped', policy: 'false', said: /^fail .*would be refused .*\(which is stopped/ },
    {
      state: 'stopped',
      policy: 'dead',
      said: /^pass .*taken from i-other \(stopped\): it is detached there/,
    },
    {
      state: 'stopping',
      policy: 'dead',
      said: /^pass .*its stop is waited for, it is detached there/,
    },
    { state: 'terminated', policy: 'false', said: /^pass .*taken from i-other \(gone\)/ },
  ] as const)('of a $state holder with preempt $policy', async ({ state, policy, said }) => {
    preempting(policy)
    heldBy('i-other', state)
    const line = (await story()).find((one) => one.includes('volume.mount'))

    expect(line).toMatch(said)
    expect(world.changes).toEqual([])
  })

  test('a machine that lost it just now leaves it to its new holder, whatever the policy', async () => {
    preempting('true')
    heldBy('i-other')
    world.record('pg', { lost: { at: new Date().toISOString(), to: 'i-other' } })

    expect(await story()).toContainEqual(
      expect.stringMatching(/^fail volume.mount: .* was lost by this machine at .* not taken back/),
    )
  })

  test('a fence is refused where the platform stops no machines', async () => {
    preempting('fence')
    heldBy('i-other')
    world.instances = undefined

    expect(await story()).toContainEqual(
      expect.stringMatching(/^fail volume.mount: .*this platform stops no machines/),
    )
  })

  test('a volume that several machines have is refused', async () => {
    const attachments = [anAttachment('vol-pg'), anAttachment('vol-pg', { instanceId: 'i-other' })]
    world.volumes.push(aVolume({ name: 'pg', attachments }))

    expect(await story()).toContainEqual(
      expect.stringMatching(/^fail volume.mount: .*to this machine and to i-other at once/),
    )
  })

  test('of another zone is not found here', async () => {
    world.zone = 'a'
    world.volumes.push(aVolume({ name: 'pg', zone: 'b' }))

    expect(await story()).toContain(
      'fail volume.mount: a mount here would not find it: it lies in b, and this machine in a',
    )
  })

  test('a copy is never formatted', async () => {
    world.volumes.push(aVolume({ name: 'pg', madeFrom: 'snapshot' }))

    expect(await story()).toContain(
      'pass volume.mount: it was made from a snapshot, and is never formatted',
    )
  })
})

describe.skipIf(loopUnavailable !== undefined)('on a real device (root)', () => {
  const attachedHere = () =>
    world.volumes.push(aVolume({ name: 'pg', attachments: [anAttachment('vol-pg')] }))

  test('a volume that is mounted gets one more holder', async () => {
    attachedHere()
    const device = await world.mountDisk('pg')
    const mountPoint = `${world.mountFolder}/pg`
    world.record('pg', { mount: { mountPoint, device, since: SINCE, complete: true } })
    const lines = await story()

    expect(lines).toContainEqual(
      expect.stringMatching(
        /^pass volume.holders: it is mounted at .*\/pg from \/dev\/loop\d+ since/,
      ),
    )
    expect(lines).toContain(
      'pass volume.mount: a mount here would succeed: it is mounted, and gets one more holder',
    )
  })

  test.each([
    {
      content: 'mkfs.xfs -q -f',
      said: /^pass volume.mount: \/dev\/loop\d+ holds xfs, which is checked/,
    },
    { content: 'mkswap -q', said: /^fail volume.mount: \/dev\/loop\d+ holds swap space/ },
    {
      content: 'true',
      said: /^pass volume.mount: \/dev\/loop\d+ shows no file system: .* if it is blank/,
    },
  ])('what $content left on it is told', async ({ content, said }) => {
    const image = `${world.home}/disk.img`
    await world.sh(`truncate -s 320M ${image} && ${content} ${image}`)
    const device = await world.sh(`losetup --find --show ${image}`)
    world.later(() => world.sh(`losetup -d ${device}`))
    world.device = device
    attachedHere()

    expect(await story()).toContainEqual(expect.stringMatching(said))
  })
})
