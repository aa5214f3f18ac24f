import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  AbortedError,
  AlreadyExistsError,
  FailedPreconditionError,
  InvalidArgumentError,
  NotFoundError,
} from '../../src/libstorage/errors.ts'
import type { IntegrationDriver } from '../../src/mount/integration-driver.ts'
import type { ProcessRole } from '../../src/mount/mount-context.ts'
import { COMMAND_HOLDER, PODMAN_HOLDER } from '../../src/mount/references.ts'

/** Volumes to be tested, on an empty platform. */
export interface VolumesUnderTest {
  /** What a server has, or what one command has. Called once for each test. */
  as(role: ProcessRole): IntegrationDriver
  cleanup(): Promise<void>
}

/**
 * Shows what `docs/semantics.md` promises about names and references, as far as both the real volumes and the fake of
 * them have to keep it, so that whoever is tested over the fake is told the truth.
 */
export function describeVolumes(name: string, create: () => VolumesUnderTest): void {
  describe(`volumes ${name}`, () => {
    let world: VolumesUnderTest
    let volumes: IntegrationDriver
    beforeEach(() => {
      world = create()
      volumes = world.as('server')
    })
    afterEach(() => world.cleanup())
    const use = () => volumes
    describeMissing(use)
    describeCreate(use)
    describeReferences(use)
    describeRemove(use)
    describeCommand(() => world.as('command'))
  })
}

async function mounted(volumes: IntegrationDriver, holder: string): Promise<string> {
  const result = await volumes.mount({ name: 'data', holder })
  result.delivered()
  return result.mountpoint
}

async function holdersOf(volumes: IntegrationDriver): Promise<readonly string[]> {
  return (await volumes.get('data')).mount?.holders ?? []
}

function describeMissing(use: () => IntegrationDriver): void {
  test('a volume that is not there is not found', async () => {
    const volumes = use()
    const calls = [
      () => volumes.get('zz'),
      () => volumes.remove('zz'),
      () => volumes.mount({ name: 'zz', holder: 'a' }),
    ]
    for (const call of calls) {
      await expect(call()).rejects.toThrow(NotFoundError)
      await expect(call()).rejects.toThrow('volume "zz" not found')
    }
  })

  test('a volume that is not there has no path, and its Unmount succeeds', async () => {
    expect(await use().path('zz')).toBeUndefined()
    await use().unmount({ name: 'zz', holder: 'a' })
    expect(await use().list()).toEqual([])
  })
}

function describeCreate(use: () => IntegrationDriver): void {
  test('a volume that was made is listed, and is mounted nowhere', async () => {
    await use().create('data', { size: '3' })
    const view = await use().get('data')
    expect(view.volume).toMatchObject({ name: 'data', sizeGiB: 3, state: 'available' })
    expect(view).not.toHaveProperty('mountpoint')
    expect(await use().list()).toEqual([view])
    expect(await use().path('data')).toBeUndefined()
  })

  test('a repeated Create succeeds and changes nothing', async () => {
    await use().create('data', {})
    const before = await use().get('data')
    await use().create('data', { size: '7' })
    expect(await use().get('data')).toEqual(before)
  })

  test('to make a volume anew where one is says which one is there', async () => {
    const { volume } = await use().createNew('data', {})
    await expect(use().createNew('data', {})).rejects.toThrow(AlreadyExistsError)
    await expect(use().createNew('data', {})).rejects.toThrow(
      `volume "data" already exists as data (${volume.id}), choose another name`,
    )
  })

  test('a name that would lead out of the folder of mount points is refused', async () => {
    for (const name of ['..', 'a/b', '-a', 'x'.repeat(129)])
      await expect(use().create(name, {})).rejects.toThrow(InvalidArgumentError)
    expect(await use().list()).toEqual([])
  })
}

function describeReferences(use: () => IntegrationDriver): void {
  test('Mount says where the volume is, and every look-up says the same', async () => {
    await use().create('data', {})
    const mountpoint = await mounted(use(), 'a')
    expect(mountpoint).toMatch(/^\/.*\/data\/data$/)
    expect(await use().path('data')).toBe(mountpoint)
    const view = await use().get('data')
    expect(view).toMatchObject({ mountpoint, mount: { holders: ['a'] } })
    expect(view.volume.state).toBe('in-use')
    expect((await use().list())[0]).toMatchObject({ mountpoint, mount: { holders: ['a'] } })
  })

  test('references are counted for each holder, and the last one leaving unmounts', async () => {
    await use().create('data', {})
    for (const holder of ['a', 'a', 'b']) await mounted(use(), holder)
    for (const holder of ['a', 'b']) await use().unmount({ name: 'data', holder })
    expect(await holdersOf(use())).toEqual(['a'])
    await use().unmount({ name: 'data', holder: 'a' })
    expect(await use().path('data')).toBeUndefined()
  })

  test.each([
    ['an empty id', ''],
    ['the id of Podman', PODMAN_HOLDER],
    ['the id of the command line', COMMAND_HOLDER],
  ])('%s is one reference however often it comes', async (_title, holder) => {
    await use().create('data', {})
    for (let time = 0; time < 3; time += 1) await mounted(use(), holder)
    await use().unmount({ name: 'data', holder })
    expect(await use().path('data')).toBeUndefined()
  })

  test('an Unmount with an unknown id succeeds and changes nothing', async () => {
    await use().create('data', {})
    await use().unmount({ name: 'data', holder: 'stranger' })
    await mounted(use(), 'a')
    await use().unmount({ name: 'data', holder: 'stranger' })
    expect(await holdersOf(use())).toEqual(['a'])
  })

  test('a caller that was gone before the answer loses its reference only', async () => {
    await use().create('data', {})
    await mounted(use(), 'a')
    const gone = await use().mount({ name: 'data', holder: 'b' })
    gone.undelivered()
    await expect.poll(() => holdersOf(use())).toEqual(['a'])
  })

  test('where nobody is left, the volume stays mounted for a repeat', async () => {
    await use().create('data', {})
    const gone = await use().mount({ name: 'data', holder: 'a' })
    gone.undelivered()
    await expect.poll(() => holdersOf(use())).toEqual([])
    expect(await use().path('data')).toBe(gone.mountpoint)
  })

  test('a caller that has gone already gets no reference', async () => {
    await use().create('data', {})
    const call = use().mount({ name: 'data', holder: 'a' }, { signal: AbortSignal.abort() })
    await expect(call).rejects.toThrow(AbortedError)
    expect(await holdersOf(use())).toEqual([])
  })
}

function describeRemove(use: () => IntegrationDriver): void {
  test('a volume that is used is not removed', async () => {
    await use().create('data', {})
    await mounted(use(), COMMAND_HOLDER)
    await expect(use().remove('data')).rejects.toThrow(FailedPreconditionError)
    await expect(use().remove('data')).rejects.toThrow(/in use by the command line, stop/)
    expect(await holdersOf(use())).toEqual([COMMAND_HOLDER])
  })

  test('a volume that nobody uses is removed, and a repeat succeeds', async () => {
    await use().create('data', {})
    await use().remove('data')
    await use().remove('data')
    expect(await use().list()).toEqual([])
    await expect(use().get('data')).rejects.toThrow(NotFoundError)
  })
}

function describeCommand(use: () => IntegrationDriver): void {
  test('a command unmounts nothing that others hold, too, and names them', async () => {
    const volumes = use()
    await volumes.create('data', {})
    await mounted(volumes, COMMAND_HOLDER)
    await mounted(volumes, 'abc123')
    const unmount = () => volumes.unmount({ name: 'data', holder: COMMAND_HOLDER })
    await expect(unmount()).rejects.toThrow(FailedPreconditionError)
    await expect(unmount()).rejects.toThrow('volume "data" is in use by mount id abc123, stop')
    expect((await holdersOf(volumes)).toSorted()).toEqual(['abc123', COMMAND_HOLDER])
  })

  test('a command removes nothing that anybody holds', async () => {
    const volumes = use()
    await volumes.create('data', {})
    await mounted(volumes, 'abc123')
    await expect(volumes.remove('data')).rejects.toThrow(FailedPreconditionError)
    expect(await holdersOf(volumes)).toEqual(['abc123'])
  })
}
