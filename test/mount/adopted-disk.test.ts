import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { eventually } from '../support/eventually.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

const record = () => world.ledger().all()[0]
const volumeId = () => world.platform.volumes()[0]?.id ?? ''

/** A volume that is mounted at its place and whose record was lost; then a server starts. */
async function adopted(): Promise<MountManager> {
  const before = world.manager()
  await before.create('data', {})
  const { deviceName = '' } = world.platform.attachByHand(volumeId(), 'here')
  world.disks.write(volumeId(), { kind: 'file-system', fsType: 'ext4', uuid: 'u' })
  await world.kernel.mount({ device: deviceName }, '/mnt/data', 'ext4')
  const manager = world.manager()
  manager.start()
  await eventually(() => expect(record()?.adopted).toBe(true))
  return manager
}

test('the disk of a mount that was adopted is known, so that its loss is noticed and the next Mount gets the volume', async () => {
  const manager = await adopted()
  await mounted(manager, 'data', 'a')
  expect(record()?.mount?.identity).toBeDefined()
  // Taken away, and given back under another name, while the kernel keeps the old one for what is mounted.
  const { deviceIdentity, deviceNumber } = world.kernel
  world.kernel.deviceNumber = (device) => deviceNumber.call(world.kernel, device) ?? device
  const old = record()?.mount?.device ?? ''
  world.kernel.deviceIdentity = (device) =>
    device === old ? 'another disk' : deviceIdentity.call(world.kernel, device)
  world.platform.pull(volumeId())
  world.platform.attachByHand(volumeId(), 'here')
  await eventually(() => expect(record()?.lost).toBeDefined())
  expect(world.isMounted('data')).toBe(false)
  await mounted(manager, 'data', 'b')
  expect(world.kernel.mounts().map(({ source }) => source)).toEqual(['/dev/memory1'])
})

test('an adopted volume that a process keeps mounted counts as no more complete than it was', async () => {
  const manager = await adopted()
  world.kernel.busy.add('/mnt/data')
  await manager.unmount({ name: 'data', holder: 'somebody' })
  expect(record()?.mount).toMatchObject({ complete: false })
  world.kernel.busy.clear()
})
