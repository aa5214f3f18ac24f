import { afterEach, beforeEach, expect, test } from 'vitest'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld

beforeEach(() => {
  world = new MountWorld()
})

afterEach(() => world.end())

test('a volume in use that a process took from its place and died is put back at the next start', async () => {
  const first = world.manager()
  await first.create('data', {})
  await mounted(first, 'data', 'a')
  await world.age()
  const record = world.ledger().exactly('data')
  if (record?.mount === undefined) throw new Error('there is no record')
  world.kernel.heldByOthers.add(record.mount.device)
  // As far as a trial comes before it would mount again.
  await world.kernel.unmount('/mnt/data')
  const { mount: _mount, ...rest } = record
  await world.ledger().put(rest)
  const second = world.manager()
  second.start()
  await expect.poll(() => world.isMounted('data')).toBe(true)
  expect(world.ledger().exactly('data')?.references).toHaveLength(1)
  expect(await second.path('data')).toBe('/mnt/data/data')
})
