import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { attachmentsCheck } from '../../../src/doctor/volumes/attachments.ts'
import { ServiceLook } from '../../../src/doctor/volumes/service-look.ts'
import { SINCE_UNTOLD } from '../../../src/libstorage/attachment-time.ts'
import { run } from '../../../src/libstorage/run.ts'
import type { LedgerRecord } from '../../../src/mount/ledger-record.ts'
import { anAttachment, aVolume, HERE } from '../../support/a-volume.ts'
import { DoctorWorld } from '../../support/doctor-world.ts'
import { inMemoryProvider } from '../../support/in-memory-provider.ts'
import { quickSettings } from '../../support/mount-world.ts'

const SINCE = '2024-05-06T07:08:09.000Z'

let world: DoctorWorld
beforeEach(() => {
  world = new DoctorWorld()
})
afterEach(() => world.end())

/** A look at a service whose volume "pg" is recorded as attached here; by the time the platform lets go of it, this happens. */
function lookWhile(happens: () => void): ServiceLook {
  world.record('pg', { attachment: { instanceId: HERE, since: SINCE } })
  const look = new ServiceLook({
    service: 'cloud',
    settings: quickSettings,
    storage: 'block',
    mountFolder: world.mountFolder,
    reservedNames: new Set(),
    olderFolders: () => [],
    ledgerFolder: path.join(world.home, 'var/lib/ledger/cloud'),
    logDirectory: world.home,
    openProvider: async () => {
      const context = { service: 'cloud', libDirectory: world.home, run }
      const provider = await inMemoryProvider({ name: 'cloud' }).create({}, context)
      const volumes = async () => {
        await look.ledger()
        happens()
        return [aVolume({ name: 'pg' })]
      }
      const executor = { instance: async () => ({ id: HERE }), device: async () => undefined }
      return { ...provider, driver: { ...provider.driver, volumes }, executor }
    },
    server: async () => undefined,
    run,
    now: () => new Date(),
  })
  return look
}

async function found(look: ServiceLook): Promise<string[]> {
  const findings = await attachmentsCheck(look).run(new AbortController().signal)
  return findings.map(({ verdict, seen }) => `${verdict} ${seen}`)
}

test('a volume that is released while it is looked at is as it should be', async () => {
  expect(await found(lookWhile(() => world.record('pg')))).toEqual([
    'pass 0 volumes attached here, each as it should be',
  ])
})

test('a volume that stays recorded here, and is attached nowhere, is not', async () => {
  expect(await found(lookWhile(() => undefined))).toEqual([
    expect.stringMatching(
      /^fail volume "pg" \(vol-pg\) is recorded as attached here .* attached nowhere$/,
    ),
  ])
})

describe('a volume that is being detached', () => {
  const SECONDS_AGO = (seconds: number) => new Date(Date.now() - seconds * 1_000)

  /** What is found of "pg", which is attached for an hour and whose platform lets go of it now. */
  const seen = async (changed: Partial<LedgerRecord> = {}, unmountedAt?: Date) => {
    world.useCloud()
    const facts = {
      state: 'detaching',
      since: SECONDS_AGO(3_600),
      deviceName: '/dev/xvdaa',
    } as const
    world.volumes.push(aVolume({ name: 'pg', attachments: [anAttachment('vol-pg', facts)] }))
    const attachment = { instanceId: HERE, since: facts.since.toISOString() }
    world.record('pg', { attachment, ...changed })
    const about = { kind: 'unmounted', service: 'cloud', volume: 'pg', volumeId: 'vol-pg' }
    if (unmountedAt !== undefined)
      world.write(
        'var/log/events.jsonl',
        `${JSON.stringify({ time: unmountedAt.toISOString(), ...about })}\n`,
      )
    const found = (await world.results()).find(({ id }) => id === 'volumes.attached')
    return found?.findings ?? []
  }
  const UNDER_WAY = {
    verdict: 'pass',
    seen: expect.stringMatching(
      /^volume "pg" \(vol-pg\) is being detached, attached since .* \(60 min\)$/,
    ),
  }

  test('is as it should be while that has only just begun', async () => {
    expect(await seen({}, SECONDS_AGO(2))).toEqual([UNDER_WAY])
  })

  test('is not called stuck where it is not known since when that lasts', async () => {
    expect(await seen()).toEqual([UNDER_WAY])
  })

  test('is stuck a minute after it was let go, and what holds its device here is looked for', async () => {
    const busy = {
      verdict: 'fail',
      seen: expect.stringMatching(
        /^volume "pg" \(vol-pg\) is busy: it is being detached since .* \(11\d s\)/,
      ),
      remedy: 'end what holds it: fuser -vm /dev/null\nremora volume detach vol-pg',
    }
    expect(await seen({}, SECONDS_AGO(120))).toEqual([busy])
  })

  test('is stuck a minute after a release that something held up, where that is recorded', async () => {
    const releasing = { since: SECONDS_AGO(120).toISOString() }
    expect(await seen({ releasing })).toEqual([
      { verdict: 'fail', seen: expect.stringContaining(' is busy: '), remedy: expect.anything() },
    ])
  })
})

test('a volume whose disk may still come is not said to have none', async () => {
  world.useCloud()
  world.device = undefined
  const attachments = [anAttachment('vol-pg', { since: new Date(Date.now() - 3_000) })]
  world.volumes.push(aVolume({ name: 'pg', attachments }))
  expect(await world.lines()).toContain(
    'pass volumes.attached: 1 volume attached here, each as it should be',
  )
})

test('an attachment of which nobody tells when it began is not called stuck, nor old by decades', async () => {
  world.useCloud()
  const since = SINCE_UNTOLD
  const attaching = [anAttachment('vol-pg', { state: 'attaching', since })]
  world.volumes.push(aVolume({ name: 'pg', attachments: attaching }))
  world.volumes.push(aVolume({ name: 'web', attachments: [anAttachment('vol-web', { since })] }))
  const found = (await world.results()).find(({ id }) => id === 'volumes.attached')
  expect(found?.findings.map(({ seen }) => seen)).toEqual([
    'volume "web" (vol-web) is attached here, by hand, since a time that its platform does not tell, as /dev/null, and not mounted',
  ])
})
