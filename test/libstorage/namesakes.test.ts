import { beforeEach, describe, expect, test } from 'vitest'
import { VolumeCatalog } from '../../src/libstorage/catalog.ts'
import { NotFoundError, UnavailableError } from '../../src/libstorage/errors.ts'
import { MemoryPlatform } from '../support/memory-platform.ts'
import { wideDriver } from '../support/wide-driver.ts'

const outage = new UnavailableError({ subject: 'the platform', problem: 'cannot be reached' })

let platform: MemoryPlatform
let catalog: VolumeCatalog
beforeEach(() => {
  platform = new MemoryPlatform()
  platform.zones.set('here', 'eu-1a').set('there', 'eu-1b')
})
function open(finds: 'exact names' | 'all namesakes'): void {
  const provider = platform.provider('here')
  const driver = finds === 'exact names' ? provider.driver : wideDriver(provider.driver, 'eu-1a')
  catalog = new VolumeCatalog(driver, provider, () => platform.clock.now())
}
const namesake = (name: string, zone?: string) =>
  catalog.namesake(name, { machine: 'eu-1a', asked: zone })

describe.each(['exact names', 'all namesakes'] as const)('where one look-up finds %s', (finds) => {
  beforeEach(() => open(finds))

  test('a name that nobody has is free', async () => {
    platform.add({ name: 'other', zone: 'eu-1a' })
    expect(await namesake('data')).toBeUndefined()
  })

  test('the volume of this name is the one in the zone of the machine', async () => {
    const here = platform.add({ name: 'data', zone: 'eu-1a' })
    platform.add({ name: 'data', zone: 'eu-1b' })
    expect((await namesake('data'))?.id).toBe(here.id)
  })

  test('one in another zone is an error that names its id and both zones', async () => {
    const { id } = platform.add({ name: 'data', zone: 'eu-1b' })
    await expect(namesake('data')).rejects.toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message: `volume "data" exists as ${id} in eu-1b, where this machine in eu-1a cannot use it, use another name, move it there, or say availabilityzone to have another one here`,
    })
  })

  test('one in another zone is no matter where the zone is said', async () => {
    platform.add({ name: 'data', zone: 'eu-1b' })
    expect(await namesake('data', 'eu-1a')).toBeUndefined()
    expect((await namesake('data', 'eu-1b'))?.zone).toBe('eu-1b')
  })

  test('a name that differs in letter case is the same, in this zone or another', async () => {
    platform.add({ name: 'DATA', zone: 'eu-1b' })
    await expect(namesake('data')).rejects.toThrow('volume "DATA" exists as')
    platform.clock.advance(5_000)
    const here = platform.add({ name: 'Data', zone: 'eu-1a' })
    expect((await namesake('data'))?.id).toBe(here.id)
  })

  test('one that was made elsewhere after the list was fetched is seen', async () => {
    await catalog.list()
    await namesake('data')
    platform.clock.advance(5_000)
    const made = platform.add({ name: 'Data', zone: 'eu-1a' })
    expect((await namesake('data'))?.id).toBe(made.id)
  })

  test('two in one zone are an error that lists both', async () => {
    platform.add({ name: 'Data', zone: 'eu-1a' })
    platform.add({ name: 'DATA', zone: 'eu-1a' })
    await expect(namesake('data')).rejects.toThrow(/2 volumes: Data .*, DATA /)
  })

  test('one of another zone is not remembered as a volume of this one', async () => {
    platform.add({ name: 'data', zone: 'eu-1b' })
    await expect(namesake('data')).rejects.toThrow('eu-1b')
    await expect(catalog.find('data')).rejects.toThrow(NotFoundError)
    expect(await catalog.list()).toEqual([])
  })

  test('a volume that was made here counts before the platform shows it, one removed no more', async () => {
    const made = platform.add({ name: 'Data', zone: 'eu-1a' })
    await namesake('data')
    await platform.provider('here').driver.removeVolume(made.id)
    catalog.removed(made)
    expect(await namesake('data')).toBeUndefined()
    catalog.created({ ...made, id: 'vol-00000000000000002', name: 'DATA' })
    expect((await namesake('data'))?.name).toBe('DATA')
  })

  test('in an outage nobody says that a name is free', async () => {
    await catalog.list()
    await namesake('data')
    platform.clock.advance(2_000)
    platform.failAlways('volumes', outage)
    await expect(namesake('data')).rejects.toBe(outage)
  })
})

describe('where one look-up finds exact names', () => {
  beforeEach(() => open('exact names'))

  test('where there are no zones every volume counts', async () => {
    platform.zones.clear()
    const { id } = platform.add({ name: 'Data' })
    expect((await catalog.namesake('data', {}))?.id).toBe(id)
    expect((await catalog.namesake('data', { asked: 'eu-1a' }))?.id).toBe(id)
  })

  test('many at once are one look-up and one list', async () => {
    const release = platform.block('volumes')
    const all = Promise.all(Array.from({ length: 20 }, () => namesake('data')))
    release()
    await all
    expect(platform.count('volumes')).toBe(2)
  })
})

describe('where one look-up finds all namesakes', () => {
  beforeEach(() => open('all namesakes'))
  const lookUps = () => platform.count('volumes')
  const get = (name: string) => catalog.find(name).catch(() => undefined)

  test('many Gets at once are one, and so are many Creates: none of these joins what began before its turn', async () => {
    const release = platform.block('volumes')
    const all = Promise.all(
      Array.from({ length: 20 }, () => [namesake('data'), get('data')]).flat(),
    )
    release()
    await all
    expect(lookUps()).toBe(2)
  })

  test('a Get that found nothing answers no Create after it: another process may have made one meanwhile', async () => {
    await get('data')
    const made = platform.add({ name: 'Data', zone: 'eu-1a' })
    expect((await namesake('data'))?.id).toBe(made.id)
    expect(lookUps()).toBe(2)
  })

  test('a Get that found one of another zone does not', async () => {
    platform.add({ name: 'Data', zone: 'eu-1b' })
    await expect(catalog.find('data')).rejects.toThrow(NotFoundError)
    await expect(namesake('data')).rejects.toThrow('volume "Data" exists as')
  })

  test('what was made here meanwhile, in whatever letter case, is seen by the Create after it', async () => {
    await get('data')
    const made = platform.add({ name: 'DATA', zone: 'eu-1a' })
    catalog.created(made)
    expect((await namesake('data'))?.id).toBe(made.id)
  })

  test('a Get finds the one that differs in letter case, known or not, with no look-up more', async () => {
    const { id } = platform.add({ name: 'Data', zone: 'eu-1a' })
    expect((await catalog.find('data')).id).toBe(id)
    expect((await catalog.find('data')).id).toBe(id)
    expect(lookUps()).toBe(1)
  })

  test('one that is gone meanwhile is forgotten in every letter case', async () => {
    const volume = platform.add({ name: 'Data', zone: 'eu-1a' })
    await catalog.find('data')
    await platform.provider('there').driver.removeVolume(volume.id)
    platform.clock.advance(2_000)
    await expect(catalog.find('data')).rejects.toThrow(NotFoundError)
    expect(catalog.known(volume.id)).toBeUndefined()
  })

  test('before a Remove the one that differs in letter case costs no list', async () => {
    const { id } = platform.add({ name: 'Data', zone: 'eu-1a' })
    const found = await catalog.find('data', { fresh: true, thorough: true, nameOnly: true })
    expect(found.id).toBe(id)
    expect(lookUps()).toBe(1)
  })

  test('an exact namesake in another zone is named before one that differs in letter case', async () => {
    platform.add({ name: 'DATA', zone: 'eu-1b' })
    platform.add({ name: 'data', zone: 'eu-1b' })
    await expect(namesake('data')).rejects.toThrow(/^volume "data" exists as/)
  })
})
