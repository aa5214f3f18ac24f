import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { EbsWorld, ebsSpec, patient } from '../../support/ebs-world.ts'
import type { PlainDisks } from '../../support/ec2/plain-disks.ts'

let world: EbsWorld
let provider: Provider
beforeEach(async () => {
  world = await EbsWorld.open()
  provider = await world.provider()
})
afterEach(() => world.close())

const make = async (name = 'data', rest = {}) =>
  (await provider.driver.createVolume(ebsSpec(name, rest))).id
const attached = async (id: string, from = provider, to = world.here) =>
  await patient(from).driver.attachVolume(id, to.id)

describe('what is refused or takes too long names the volume by its name and its id', () => {
  const named = { volumeName: 'data' }
  const called = (id: string) => `volume "data" (${id})`

  test('an attach of one that another machine has, that is of another zone, that is gone, or that EC2 refuses', async () => {
    const id = await make()
    const asked = (volume: string) => provider.driver.attachVolume(volume, world.here.id, named)
    await attached(id, await world.provider(world.there), world.there)
    await expect(asked(id)).rejects.toThrow(`${called(id)} is attached to ${world.there.id} since`)
    const far = await make('far', { zone: 'us-east-1b' })
    await expect(asked(far)).rejects.toThrow(`${called(far)} was refused by EC2`)
    const gone = 'vol-0aaaaaaaaaaaaaaaa'
    await expect(asked(gone)).rejects.toThrow(`${called(gone)} not found`)
    world.simulator.region.denied.add('AttachVolume')
    await expect(asked(id)).rejects.toThrow(`${called(id)} was refused by EC2 (ec2:AttachVolume`)
  })

  test('an attach to an instance that does not run, with what EC2 says of that', async () => {
    await world.close()
    world = await EbsWorld.open({ delays: { stop: 60_000 } })
    provider = await world.provider()
    const hasty = await world.provider(world.here, { statusTimeout: '300ms' })
    const id = await make()
    world.there.stop()
    const asked = hasty.driver.attachVolume(id, world.there.id, named)
    await expect(asked).rejects.toThrow(
      `${called(id)} was not ready to be attached within 0.3 s (Instance '${world.there.id}' is not 'running'), try again`,
    )
  })

  test('an attach to a full instance, and a detach that EC2 lets wait', async () => {
    const small = await world.simulator.launch({ type: 't3.nano' })
    const there = await world.provider(small)
    for (const name of ['a', 'b', 'c']) await attached(await make(name), there, small)
    const id = await make()
    await expect(there.driver.attachVolume(id, small.id, named)).rejects.toThrow(
      `${called(id)} cannot be attached to ${small.id} (t3.nano), which has 4 volumes`,
    )
    const hasty = await world.provider(world.here, { statusTimeout: '300ms' })
    await attached(id)
    world.here.onHeldDisk('busy')
    ;(world.here.disks as PlainDisks).held.add(id)
    const detached = hasty.driver.detachVolume(id, world.here.id, named)
    await expect(detached).rejects.toThrow(`${called(id)} is still detaching at ${world.here.id}`)
  })
})
