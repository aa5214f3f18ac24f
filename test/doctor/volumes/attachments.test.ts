import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { attachmentsCheck } from '../../../src/doctor/volumes/attachments.ts'
import { ServiceLook } from '../../../src/doctor/volumes/service-look.ts'
import { run } from '../../../src/libstorage/run.ts'
import { aVolume, HERE } from '../../support/a-volume.ts'
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
