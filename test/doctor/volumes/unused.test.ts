import { afterEach, beforeEach, expect, test } from 'vitest'
import { unusedCheck } from '../../../src/doctor/volumes/unused.ts'
import { silentLogger } from '../../../src/libstorage/logger.ts'
import { createService } from '../../../src/libstorage/service.ts'
import { aVolume } from '../../support/a-volume.ts'
import { DoctorWorld } from '../../support/doctor-world.ts'
import { ebsLook, findingsOf } from '../../support/ebs-look.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'

const LONG_AGO = new Date(Date.now() - 60 * 86_400_000)

let world: EbsWorld
beforeEach(async () => {
  world = await EbsWorld.open()
})
afterEach(() => world.close())

/** A volume that was made long ago. */
const oldVolume = async (name: string, machine = world.here) => {
  const made = await (await world.provider(machine)).driver.createVolume(ebsSpec(name))
  world.simulator.region.change(made.id, { createTime: LONG_AGO })
  return made
}

const found = () => findingsOf(unusedCheck(ebsLook(world)))

test('an unused volume of another zone is told from its namesake here, and removed by its id', async () => {
  const theirs = await oldVolume('db', await world.simulator.launch({ zone: 'us-east-1b' }))
  const { driver } = await world.provider()
  const ours = await driver.createVolume(ebsSpec('db'))
  expect(await found()).toEqual([
    {
      verdict: 'warn',
      seen: `volume "db" (${theirs.id} in us-east-1b) has 1 GiB, is attached nowhere and was made 60 days ago`,
      remedy: `if nobody in us-east-1b needs it: remora volume rm ${theirs.id}`,
    },
  ])
  const { catalog } = createService('ebs', await world.provider(), silentLogger)
  const asCommandsDo = { fresh: true, thorough: true }
  expect((await catalog.find(theirs.id, asCommandsDo)).id).toBe(theirs.id)
  expect((await catalog.find('db', asCommandsDo)).id).toBe(ours.id)
})

test('an unused volume of a platform without zones is nobody’s in particular', async () => {
  const doctor = new DoctorWorld()
  try {
    doctor.useCloud()
    doctor.zone = 'a'
    doctor.volumes.push(aVolume({ name: 'old', createdAt: LONG_AGO }))
    const found = (await doctor.results()).find(({ id }) => id === 'volumes.unused')
    expect(found?.findings).toMatchObject([
      { remedy: 'if nobody needs it: remora volume rm vol-old' },
    ])
  } finally {
    await doctor.end()
  }
})
