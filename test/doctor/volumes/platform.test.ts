import { afterEach, beforeEach, expect, test } from 'vitest'
import { UnavailableError } from '../../../src/libstorage/errors.ts'
import { anAttachment, aSnapshot, aVolume, HERE } from '../../support/a-volume.ts'
import { type Broken, DoctorWorld } from '../../support/doctor-world.ts'

let world: DoctorWorld
beforeEach(() => {
  world = new DoctorWorld()
})
afterEach(() => world.end())

const LONG_AGO = new Date('2024-05-06T07:08:09Z')
const SINCE = LONG_AGO.toISOString()

const platform: readonly Broken[] = [
  {
    what: 'a platform that cannot be reached',
    breakIt: () => {
      world.answer = () =>
        Promise.reject(new UnavailableError({ subject: 'EC2', problem: 'does not answer' }))
    },
    line: /^fail volumes.platform: EC2 does not answer/,
  },
  {
    what: 'a platform that hangs',
    breakIt: () => {
      world.answer = () => new Promise(() => {})
    },
    line: /^fail volumes.platform: the platform of service cloud does not answer within 4 s/,
  },
  {
    what: 'a volume that is broken there',
    breakIt: () => {
      world.volumes.push(aVolume({ name: 'pg', state: 'error', problem: 'has lost its disk' }))
    },
    line: /^fail volumes.broken: volume "pg" \(vol-pg\) has lost its disk/,
  },
  {
    what: 'a volume that is stuck attaching',
    breakIt: () => attached('pg', { state: 'attaching', since: LONG_AGO }),
    line: /^fail volumes.attached: volume "pg" \(vol-pg\) is stuck attaching since 2024-05-06T07:08:09Z \(\d+ days\)/,
  },
  {
    what: 'a volume that is busy',
    breakIt: () => {
      attached('pg', { state: 'detaching', since: LONG_AGO })
      world.record('pg', { releasing: { since: SINCE } })
    },
    line: /^fail volumes.attached: volume "pg" \(vol-pg\) is busy/,
  },
  {
    what: 'a volume without its device',
    breakIt: () => {
      world.device = undefined
      attached('pg', { since: LONG_AGO })
    },
    line: /^fail volumes.attached: volume "pg" \(vol-pg\) is attached since .* and this machine has no device of it/,
  },
  {
    what: 'a volume that is attached and not mounted',
    breakIt: () => attached('pg', { since: LONG_AGO }),
    line: /^warn volumes.attached: volume "pg" \(vol-pg\) is attached here, by hand, since .*, as \/dev\/null, and not mounted/,
  },
  {
    what: 'a volume that is recorded here and is elsewhere',
    breakIt: () => {
      attached('pg', { instanceId: 'i-other' })
      world.record('pg', { attachment: { instanceId: HERE, since: SINCE } })
    },
    line: /^fail volumes.attached: volume "pg" \(vol-pg\) is recorded as attached here since .* attached to i-other/,
  },
  {
    what: 'a volume that was lost',
    breakIt: () => {
      attached('pg', { instanceId: 'i-other' })
      world.record('pg', { lost: { at: SINCE, to: 'i-other' } })
    },
    line: /^warn volumes.attached: volume "pg" \(vol-pg\) was lost by this machine since 2024-05-06T07:08:09Z .* to i-other/,
  },
  {
    what: 'a namesake in another zone',
    breakIt: () => {
      world.zone = 'a'
      world.volumes.push(aVolume({ name: 'pg', id: 'vol-1', zone: 'a' }))
      world.volumes.push(aVolume({ name: 'pg', id: 'vol-2', zone: 'b' }))
    },
    line: /^warn volumes.names: volume "pg" has a namesake in another zone: pg \(vol-1 in a\), pg \(vol-2 in b\)/,
  },
  {
    what: 'two volumes of one name',
    breakIt: () => {
      world.volumes.push(aVolume({ name: 'pg', id: 'vol-1' }), aVolume({ name: 'pg', id: 'vol-2' }))
    },
    line: /^fail volumes.names: volume "pg" is not the only one of its name: pg \(vol-1\), pg \(vol-2\)/,
  },
  {
    what: 'a volume that nobody has used for a month',
    breakIt: () => {
      world.volumes.push(aVolume({ name: 'old', createdAt: new Date(0) }))
      const event = {
        time: SINCE,
        kind: 'detached',
        service: 'cloud',
        volume: 'old',
        volumeId: 'vol-old',
      }
      world.write('var/log/events.jsonl', `torn\n${JSON.stringify(event)}\n`)
    },
    line: /^warn volumes.unused: volume "old" \(vol-old\) has 1 GiB, is attached nowhere and was last detached here \d+ days ago/,
  },
  {
    what: 'an orphaned snapshot',
    breakIt: () => {
      world.snapshots.push(aSnapshot({ id: 'snap-1', name: 'before', volumeId: 'vol-gone' }))
    },
    line: /^warn volumes.snapshots: snapshot "before" \(snap-1, 1 GiB\) is orphaned: its volume vol-gone is gone/,
  },
]

function attached(name: string, facts: Parameters<typeof anAttachment>[1]): void {
  world.volumes.push(aVolume({ name, attachments: [anAttachment(`vol-${name}`, facts)] }))
}

test.each(platform)('$what is named in the first line that is wrong', async ({ breakIt, line }) => {
  world.useCloud()
  await breakIt()

  expect(await world.firstWrong()).toMatch(line)
})
