import { beforeEach, describe, expect, test } from 'vitest'
import { VolumeCatalog } from '../../src/libstorage/catalog.ts'
import { UnavailableError } from '../../src/libstorage/errors.ts'
import { MemoryPlatform } from '../support/memory-platform.ts'

const outage = new UnavailableError({ subject: 'the platform', problem: 'cannot be reached' })

let platform: MemoryPlatform
let catalog: VolumeCatalog
beforeEach(() => {
  platform = new MemoryPlatform()
  const provider = platform.provider('here')
  catalog = new VolumeCatalog(provider.driver, provider, () => platform.clock.now())
})

/** A volume that was looked up so long ago that it has to be asked for again. */
async function known() {
  const volume = platform.add({ name: 'data' })
  await catalog.find('data')
  platform.clock.advance(60_000)
  return volume
}

describe('in an outage of the platform', () => {
  test('a volume that is known is found as it was', async () => {
    const { id } = await known()
    platform.failAlways('volumes', outage)
    expect((await catalog.find('data')).id).toBe(id)
  })

  test('a volume that only the ledger remembers is found', async () => {
    const volume = platform.add({ name: 'data' })
    catalog.remember(volume)
    platform.failAlways('volumes', outage)
    expect((await catalog.find('data')).id).toBe(volume.id)
  })

  test('an unknown volume is "unavailable", never "not found"', async () => {
    platform.failAlways('volumes', outage)
    await expect(catalog.find('data')).rejects.toBe(outage)
  })

  test('nothing is taken from memory by whoever is about to change the volume', async () => {
    await known()
    platform.failAlways('volumes', outage)
    await expect(catalog.find('data', { fresh: true })).rejects.toBe(outage)
  })

  test('an error that is no outage is not hidden by what is known', async () => {
    await known()
    const bug = new TypeError('a bug')
    platform.failAlways('volumes', bug)
    await expect(catalog.find('data')).rejects.toBe(bug)
  })

  test('the list is the last one', async () => {
    platform.add({ name: 'data' })
    await catalog.list()
    platform.clock.advance(60_000)
    platform.failAlways('volumes', outage)
    expect((await catalog.list()).map(({ name }) => name)).toEqual(['data'])
  })

  test('without an earlier list there is none', async () => {
    platform.failAlways('volumes', outage)
    await expect(catalog.list()).rejects.toBe(outage)
  })

  test('what the platform says afterwards replaces what was remembered', async () => {
    await known()
    platform.failAlways('volumes', outage)
    await catalog.find('data')
    platform.failAlways('volumes')
    const instead = platform.add({ name: 'other' })
    expect((await catalog.find('other')).id).toBe(instead.id)
  })
})

describe('a platform that does not answer', () => {
  test('is waited for no longer than 2 s where the volume is known', async () => {
    const { id } = await known()
    const release = platform.block('volumes')
    expect((await catalog.find('data')).id).toBe(id)
    release()
  })

  test('is given up at once by a caller that goes away, also where the volume is known', async () => {
    await known()
    const release = platform.block('volumes')
    const leaving = new AbortController()
    const found = catalog.find('data', { signal: leaving.signal })
    leaving.abort()
    await expect(found).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    release()
  })
})
