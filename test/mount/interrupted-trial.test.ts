import { afterEach, beforeEach, expect, test } from 'vitest'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld

beforeEach(() => {
  world = new MountWorld()
})

afterEach(() => world.end())

/** Mounts for this holder; then the mount is taken from its place, as far as a trial comes before it would mount again. */
async function takenFromItsPlace(holder: string): Promise<string> {
  const first = world.manager()
  await first.create('data', {})
  await mounted(first, 'data', holder)
  await world.age()
  const record = world.ledger().exactly('data')
  if (record?.mount === undefined) throw new Error('there is no record')
  await world.kernel.unmount('/mnt/data')
  const { mount: _mount, ...rest } = record
  await world.ledger().put(rest)
  return record.mount.device
}

test('a volume in use that a process took from its place and died is put back at the next start', async () => {
  world.kernel.heldByOthers.add(await takenFromItsPlace('a'))
  const second = world.manager()
  second.start()
  await expect.poll(() => world.isMounted('data')).toBe(true)
  const references = world.ledger().exactly('data')?.references
  expect(references).toMatchObject([{ id: 'a', undelivered: 0 }])
  expect(references?.[0]?.doubtedSince).toBeUndefined()
  expect(await second.path('data')).toBe('/mnt/data/data')
})

test.each([
  { whose: "a container's", holder: 'a', isDoubted: true },
  { whose: "the command line's", holder: 'cli', isDoubted: false },
])(
  'put back while nobody holds it, $whose reference is doubted: $isDoubted',
  async ({ holder, isDoubted }) => {
    await takenFromItsPlace(holder)
    const second = world.manager()
    second.start()
    await expect.poll(() => world.isMounted('data')).toBe(true)
    const [reference] = world.ledger().exactly('data')?.references ?? []
    expect(reference?.id).toBe(holder)
    expect(reference?.doubtedSince !== undefined).toBe(isDoubted)
  },
)
