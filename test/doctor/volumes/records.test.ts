import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { identifyProcess } from '../../../src/libstorage/process-identity.ts'
import { HERE } from '../../support/a-volume.ts'
import { type Broken, DoctorWorld } from '../../support/doctor-world.ts'

let world: DoctorWorld
beforeEach(() => {
  world = new DoctorWorld()
})
afterEach(() => world.end())

const LONG_AGO = new Date('2024-05-06T07:08:09Z')
const SINCE = LONG_AGO.toISOString()
const HOLDER = [{ id: 'a1b2c3d4e5f6a7b8', count: 1, undelivered: 0, since: SINCE }]

const records: readonly Broken[] = [
  {
    what: 'a corrupt record',
    breakIt: () => world.write('var/lib/ledger/cloud/vol-a.json', '{'),
    line: /^fail volumes.ledger: .*vol-a\.json is corrupt/,
  },
  {
    what: 'a record of a newer version',
    breakIt: () => world.write('var/lib/ledger/cloud/vol-a.json', '{"version":9}'),
    line: /^fail volumes.ledger: .*vol-a\.json was written by a newer version/,
  },
  {
    what: 'a record of another service',
    breakIt: () => {
      world.record('a', { service: 'other' })
    },
    line: /^fail volumes.ledger: .*vol-a\.json is a record of the service other/,
  },
  {
    what: 'a record that was put aside',
    breakIt: () => world.write('var/lib/ledger/cloud/vol-a.json.corrupt-1', '{'),
    line: /^warn volumes.ledger: .* put aside: vol-a\.json\.corrupt-1/,
  },
  {
    what: 'a record from the future',
    breakIt: () => world.record('a', { lost: { at: '2199-01-01T00:00:00.000Z' } }),
    line: /^warn volumes.ledger: records are from 2199-01-01.*the clock was set back/,
  },
  {
    what: 'a volume that is used and not mounted',
    breakIt: () => world.record('pg', { references: HOLDER }),
    line: /^fail volumes.mounted: volume "pg" \(vol-pg\) is used by mount id a1b2c3d4e5f6 and is not mounted/,
  },
  {
    what: 'a volume that was left here without a server',
    breakIt: () => world.record('pg', { attachment: { instanceId: HERE } }),
    line: /^warn volumes.unfinished: volume "pg" \(vol-pg\) is not used and still here/,
  },
  {
    what: 'a volume that lingers',
    breakIt: async () => {
      const place = path.join(world.mountFolder, 'pg')
      mkdirSync(place, { recursive: true })
      const user = world.start('sh', ['-c', `cd ${place}; echo in; exec sleep 600`])
      await new Promise((resolve) => user.stdout?.once('data', resolve))
      world.record('pg', { releasing: { since: SINCE } })
    },
    line: /^warn volumes.unfinished: volume "pg" \(vol-pg\) lingers: .* since 2024-05-06T07:08:09Z \(\d+ days\) and is held by pid \d+ \(sleep\)/,
  },
  {
    what: 'a volume that a tool has left',
    breakIt: () => {
      const dead = { ...identified(), startTime: '1' }
      world.record('pg', { tool: { command: 'mkfs.ext4', process: dead, since: SINCE } })
    },
    line: /^warn volumes.unfinished: volume "pg" \(vol-pg\) was left by mkfs\.ext4, which has died/,
  },
  {
    what: 'a tool that works for years',
    breakIt: () => {
      const tool = { command: 'mkfs.ext4', process: identified(), since: SINCE }
      world.record('pg', { tool, attachment: { instanceId: 'other' }, references: [] })
    },
    line: /^warn volumes.unfinished: volume "pg" \(vol-pg\) is still being prepared by mkfs\.ext4, pid \d+/,
  },
  {
    what: 'a volume that is being taken from another machine for long',
    breakIt: () =>
      world.record('pg', { takeOver: { from: 'i-other', since: SINCE, begunAt: SINCE } }),
    line: /^warn volumes.unfinished: volume "pg" \(vol-pg\) is being taken from i-other since 2024/,
  },
]

/** This very process. */
function identified() {
  const self = identifyProcess('self')
  if (self === undefined) throw new Error('this process is not there')
  return self
}

test.each(records)('$what is named in the first line that is wrong', async ({ breakIt, line }) => {
  world.useCloud()
  await breakIt()

  expect(await world.firstWrong()).toMatch(line)
})
