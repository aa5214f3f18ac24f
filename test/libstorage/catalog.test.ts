import { beforeEach, describe, expect, test } from 'vitest'
import { VolumeCatalog } from '../../src/libstorage/catalog.ts'
import { NotFoundError } from '../../src/libstorage/errors.ts'
import { MemoryPlatform } from '../support/memory-platform.ts'

let platform: MemoryPlatform
let catalog: VolumeCatalog
beforeEach(() => {
  platform = new MemoryPlatform()
  const provider = platform.provider('here')
  catalog = new VolumeCatalog(provider.driver, provider, () => platform.clock.now())
})
const lookUps = () => platform.count('volumes')

describe('what was looked up', () => {
  test('is not asked for again within 5 s, and is after that', async () => {
    const { id } = platform.add({ name: 'data' })
    expect((await catalog.find('data')).id).toBe(id)
    platform.clock.advance(4_999)
    await catalog.find('data')
    expect(lookUps()).toBe(1)
    platform.clock.advance(1)
    await catalog.find('data')
    expect(lookUps()).toBe(2)
  })

  test('a definite "no such volume" is remembered for 2 s only', async () => {
    await expect(catalog.find('data')).rejects.toThrow(NotFoundError)
    platform.add({ name: 'data' })
    platform.clock.advance(1_999)
    await expect(catalog.find('data')).rejects.toThrow('volume "data" not found')
    expect(lookUps()).toBe(1)
    platform.clock.advance(1)
    expect((await catalog.find('data')).name).toBe('data')
  })

  test('is asked for again at once by whoever wants it fresh', async () => {
    platform.add({ name: 'data' })
    await catalog.find('data')
    await catalog.find('data', { fresh: true })
    expect(lookUps()).toBe(2)
  })

  test('does once for whoever wants it recent, within 2 s, and what is known from before never does', async () => {
    const { id } = platform.add({ name: 'data' })
    await catalog.find('data')
    platform.clock.advance(1_999)
    await catalog.find('data', { recent: true })
    expect(lookUps()).toBe(1)
    await catalog.find('data', { recent: true })
    expect(lookUps()).toBe(2)
    platform.clock.advance(5_000)
    await catalog.find('data')
    platform.clock.advance(2_000)
    await platform.provider('there').driver.removeVolume(id)
    await expect(catalog.find('data', { recent: true })).rejects.toThrow(NotFoundError)
    expect(lookUps()).toBe(4)
  })

  test('is not what whoever wants it recent takes when something was changed here since', async () => {
    const volume = platform.add({ name: 'data' })
    await catalog.find('data')
    catalog.changed({ ...volume, sizeGiB: 2 })
    await catalog.find('data', { recent: true })
    expect(lookUps()).toBe(2)
  })

  test('a list answers for the volumes in it, and not for those that are missing in it', async () => {
    platform.add({ name: 'data' })
    await catalog.list()
    await catalog.find('data')
    expect(lookUps()).toBe(1)
    platform.add({ name: 'later' })
    expect((await catalog.find('later')).name).toBe('later')
  })

  test('"not found" is believed of a volume that was known', async () => {
    const volume = platform.add({ name: 'data' })
    await catalog.find('data')
    await platform.provider('there').driver.removeVolume(volume.id)
    platform.clock.advance(5_000)
    await expect(catalog.find('data')).rejects.toThrow(NotFoundError)
    expect(catalog.known(volume.id)).toBeUndefined()
  })

  test('says what was changed here since, without a look-up', async () => {
    const volume = platform.add({ name: 'data' })
    await catalog.find('data')
    const { driver } = platform.provider('here')
    const attachment = await driver.attachVolume(volume.id, 'here')
    catalog.attached(volume, attachment)
    expect(catalog.known(volume.id)).toMatchObject({ state: 'in-use', attachments: [attachment] })
    catalog.detached(volume, attachment)
    expect(catalog.known(volume.id)).toEqual(volume)
    expect(lookUps()).toBe(1)
  })

  test('volumes that are being deleted, and in a list those without a name, do not count', async () => {
    platform.add({ name: 'going', state: 'deleting' })
    platform.add({ name: '' })
    await expect(catalog.find('going')).rejects.toThrow(NotFoundError)
    expect(await catalog.list()).toEqual([])
  })
})

describe('many at once', () => {
  test('are one look-up for a name, and one for the list', async () => {
    platform.add({ name: 'data' })
    const release = platform.block('volumes')
    const finds = Array.from({ length: 50 }, () => catalog.find('data'))
    const lists = Array.from({ length: 50 }, () => catalog.list())
    release()
    await Promise.all([...finds, ...lists])
    expect(lookUps()).toBe(2)
  })

  test('one of them going away does not take the answer from the others', async () => {
    platform.add({ name: 'data' })
    const release = platform.block('volumes')
    const leaving = new AbortController()
    const left = catalog.find('data', { signal: leaving.signal })
    const stayed = catalog.find('data')
    leaving.abort()
    await expect(left).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    release()
    expect((await stayed).name).toBe('data')
    expect(lookUps()).toBe(1)
  })

  test('a failed look-up is shared by those who waited for it and forgotten after it', async () => {
    platform.failNext('volumes', new Error('a bug'))
    const first = catalog.find('data')
    const second = catalog.find('data')
    await expect(first).rejects.toThrow('a bug')
    await expect(second).rejects.toThrow('a bug')
    platform.add({ name: 'data' })
    expect((await catalog.find('data')).name).toBe('data')
  })
})

describe('names', () => {
  test('the exact name comes before the one that differs in letter case', async () => {
    platform.add({ name: 'Data' })
    const exact = platform.add({ name: 'data' })
    await catalog.list()
    expect((await catalog.find('data')).id).toBe(exact.id)
  })

  test('without an exact match the one that differs in letter case is meant, with no look-up more', async () => {
    const volume = platform.add({ name: 'Data' })
    await catalog.list()
    expect((await catalog.find('dATA')).id).toBe(volume.id)
    expect(lookUps()).toBe(2)
  })

  test('an unknown name costs one look-up and no list', async () => {
    platform.add({ name: 'Data' })
    await expect(catalog.find('data')).rejects.toThrow(NotFoundError)
    expect(lookUps()).toBe(1)
  })

  test('before a Remove the list is fetched to look without regard to case', async () => {
    const volume = platform.add({ name: 'Data' })
    expect((await catalog.find('data', { thorough: true })).id).toBe(volume.id)
    expect(lookUps()).toBe(2)
  })

  test('before a Remove an old list is fetched anew', async () => {
    await catalog.list()
    platform.clock.advance(5_000)
    const volume = platform.add({ name: 'Data' })
    expect((await catalog.find('data', { thorough: true })).id).toBe(volume.id)
    expect(lookUps()).toBe(3)
  })

  test('two that differ in letter case only are an error that lists both', async () => {
    const [one, two] = [platform.add({ name: 'Data' }), platform.add({ name: 'DATA' })]
    await catalog.list()
    await expect(catalog.find('data')).rejects.toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message: `volume "data" is the name of 2 volumes: Data (${one.id}), DATA (${two.id}), use the id, or rename all but one`,
    })
  })

  test('an id is understood where a volume is looked up', async () => {
    const { id } = platform.add({ name: 'data' })
    expect((await catalog.find(id)).name).toBe('data')
  })

  test('an id is never taken where only a name will do', async () => {
    const { id } = platform.add({ name: 'data' })
    await expect(catalog.find(id, { nameOnly: true })).rejects.toThrow(NotFoundError)
    expect(platform.count('volume')).toBe(0)
  })

  test('an id that nobody has is "not found", by that name', async () => {
    await expect(catalog.find('vol-0123456789abcdef0')).rejects.toThrow(
      'volume "vol-0123456789abcdef0" not found',
    )
  })

  test('a volume may be named like an id, and is meant before the id', async () => {
    const real = platform.add({ name: 'data' })
    const named = platform.add({ name: real.id })
    expect((await catalog.find(real.id)).id).toBe(named.id)
  })
})
