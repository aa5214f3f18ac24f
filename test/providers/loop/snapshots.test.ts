import { readdirSync } from 'node:fs'
import {
  appendFile,
  mkdir,
  open,
  readdir,
  readFile,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { leftoverName } from '../../../src/libstorage/leftover.ts'
import { identifySelf } from '../../../src/libstorage/process-identity.ts'
import { run } from '../../../src/libstorage/run.ts'
import type { Provider, SnapshotDriver } from '../../../src/libstorage/storage-driver.ts'
import { loopDefinition } from '../../../src/providers/loop/config.ts'
import { PoolWorld, sh } from '../../support/pool-world.ts'
import { canReflink, withReflinks } from '../../support/reflink-pool.ts'

const unavailable = await loopDefinition.unavailable()
const named = { name: 'one', labels: {} }

let world: PoolWorld
beforeEach(async () => {
  world = await PoolWorld.make()
})
afterEach(() => world.cleanup())

function snapshotsOf({ driver }: Provider): SnapshotDriver {
  if (driver.snapshots === undefined) throw new Error('there are no snapshots')
  return driver.snapshots
}

/** Everything in the shelf, also what is hidden. */
const shelf = () => readdir(join(world.pool, '.snapshots'))
const diskOf = (name: string) => join(world.pool, name, 'disk')

describe.skipIf(unavailable !== undefined)('growth and copies of disk files', () => {
  let provider: Provider
  let id: string
  beforeEach(async () => {
    provider = await world.provider(loopDefinition, 'here')
    id = (await provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })).id
  })

  /** Writes at a place of the file that only a whole copy has. */
  async function write(text: string, at: number): Promise<void> {
    const file = await open(diskOf('data'), 'r+')
    await file.write(text, at)
    await file.close()
  }

  async function textAt(path: string, at: number, length: number): Promise<string> {
    const file = await open(path, 'r')
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, at)
    await file.close()
    return buffer.toString()
  }

  test('a volume grows sparsely, and its device while it is in use', async () => {
    const attachment = await provider.driver.attachVolume(id, 'here')
    const device = (await provider.executor.device(attachment)) ?? ''
    await provider.driver.modifyVolume?.(id, { sizeGiB: 3 })
    const { size, blocks } = await stat(diskOf('data'))
    expect([size, blocks]).toEqual([3 * 2 ** 30, 0])
    expect(await sh('blockdev', '--getsize64', device)).toBe(String(3 * 2 ** 30))
    expect(JSON.parse(await readFile(join(world.pool, 'data/volume.json'), 'utf8'))).toMatchObject({
      sizeGiB: 3,
    })
  })

  test('a growth cut short after the file grew has happened, and a repeat makes the rest good', async () => {
    const attachment = await provider.driver.attachVolume(id, 'here')
    const device = (await provider.executor.device(attachment)) ?? ''
    await truncate(diskOf('data'), 2 * 2 ** 30)
    const restarted = await world.provider(loopDefinition, 'here')
    expect(await restarted.driver.volume(id)).toMatchObject({ sizeGiB: 2, state: 'in-use' })
    expect(await sh('blockdev', '--getsize64', device)).toBe(String(2 ** 30))
    await restarted.driver.modifyVolume?.(id, { sizeGiB: 2 })
    expect(await sh('blockdev', '--getsize64', device)).toBe(String(2 * 2 ** 30))
    // From here on a file that lost its new end is one that lost something.
    await truncate(diskOf('data'), 1.5 * 2 ** 30)
    expect(await restarted.driver.volume(id)).toMatchObject({ state: 'error' })
  })

  test('a device left from before the file grew is made larger when it is taken over', async () => {
    const left = await sh('losetup', '--find', '--show', diskOf('data'))
    await truncate(diskOf('data'), 2 * 2 ** 30)
    const attachment = await provider.driver.attachVolume(id, 'here')
    expect(await provider.executor.device(attachment)).toBe(left)
    expect(await sh('blockdev', '--getsize64', left)).toBe(String(2 * 2 ** 30))
  })

  test('a snapshot has every byte and no more blocks, and does not follow its volume', async () => {
    await write('before', 700 * 2 ** 20)
    const taken = await snapshotsOf(provider).create(id, named)
    await write('after!', 700 * 2 ** 20)
    const copy = join(world.pool, '.snapshots', taken.id, 'disk')
    expect(await textAt(copy, 700 * 2 ** 20, 6)).toBe('before')
    expect((await stat(copy)).blocks).toBeLessThan(100)
    const source = { kind: 'snapshot', id: taken.id } as const
    await provider.driver.createVolume({ name: 'new', sizeGiB: 2, labels: {}, source })
    expect(await textAt(diskOf('new'), 700 * 2 ** 20, 6)).toBe('before')
    expect((await stat(diskOf('new'))).size).toBe(2 * 2 ** 30)
  })

  test('without reflinks a volume in use is refused, and nothing is left', async () => {
    await provider.driver.attachVolume(id, 'here')
    const source = { kind: 'volume', id } as const
    for (const attempt of [
      () => snapshotsOf(provider).create(id, named),
      () => provider.driver.createVolume({ name: 'new', sizeGiB: 1, labels: {}, source }),
    ])
      await expect(attempt()).rejects.toThrow(
        'volume "data" is in use, and its pool cannot copy it at one moment (its file system has no reflinks), stop what uses it and try again, or keep the pool on xfs or btrfs',
      )
    expect(await shelf()).toEqual([])
    expect((await readdir(world.pool)).sort()).toEqual(['.pool', '.snapshots', 'data'])
    await provider.driver.detachVolume(id, 'here')
    await snapshotsOf(provider).create(id, named)
  })

  test('a device that nobody claimed counts as use', async () => {
    await sh('losetup', '--find', '--show', diskOf('data'))
    await expect(snapshotsOf(provider).create(id, named)).rejects.toThrow('is in use')
  })

  test('a volume that was attached while it was copied gives no copy', async () => {
    const meddling = await loopDefinition.create(
      { pool: world.pool, instance: 'here' },
      {
        service: 'loop',
        libDirectory: world.root,
        run: async (command, args, options) => {
          const result = await run(command, args, options)
          if (command !== 'cp') return result
          await provider.driver.attachVolume(id, 'there')
          await provider.driver.detachVolume(id, 'there')
          return result
        },
      },
    )
    await expect(snapshotsOf(meddling).create(id, named)).rejects.toThrow(
      'was attached while it was copied, so that the copy is of no one moment, try again',
    )
    expect(await shelf()).toEqual([])
  })

  test('a caller who leaves takes the copy with him', async () => {
    const caller = new AbortController()
    const slow = await loopDefinition.create(
      { pool: world.pool, instance: 'here' },
      {
        service: 'loop',
        libDirectory: world.root,
        run: (command, args, options) => {
          if (command !== 'cp') return run(command, args, options)
          setTimeout(() => caller.abort(), 50)
          const script = 'echo half > "$1"; exec sleep 60'
          return run('sh', ['-c', script, 'sh', args.at(-1) ?? ''], options)
        },
      },
    )
    const taken = snapshotsOf(slow).create(id, named, { signal: caller.signal })
    await expect(taken).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect.poll(shelf).toEqual([])
  })

  test('what a dead process left of a copy is swept away, of a living one it is not', async () => {
    await snapshotsOf(provider).create(id, named)
    const dead = leftoverName('creating', { ...identifySelf(), pid: 999_999_999 })
    const living = leftoverName('creating')
    for (const entry of [dead, living]) {
      await mkdir(join(world.pool, '.snapshots', entry))
      await writeFile(join(world.pool, '.snapshots', entry, 'disk'), 'half')
    }
    await provider.driver.volumes()
    expect(await snapshotsOf(provider).list()).toHaveLength(1)
    expect(await shelf()).toContain(living)
    expect(await shelf()).not.toContain(dead)
  })

  test('a damaged snapshot is shown, not copied from, and can be removed', async () => {
    const taken = await snapshotsOf(provider).create(id, named)
    await writeFile(join(world.pool, '.snapshots', taken.id, 'snapshot.json'), '{')
    expect(await snapshotsOf(provider).list()).toMatchObject([{ id: taken.id, state: 'error' }])
    const source = { kind: 'snapshot', id: taken.id } as const
    const made = provider.driver.createVolume({ name: 'new', sizeGiB: 1, labels: {}, source })
    await expect(made).rejects.toThrow('is damaged, remove it')
    await snapshotsOf(provider).remove(taken.id)
    expect(await shelf()).toEqual([])
  })
})

describe.skipIf(unavailable !== undefined)('in a full pool', () => {
  test('a growth and a copy are refused with a sentence, and leave the volume as it was', async () => {
    await world.fileSystem(world.pool, 16)
    const provider = await world.provider(loopDefinition, 'here')
    const { id } = await provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
    const half = await open(diskOf('data'), 'r+')
    for (let at = 0; at < 8; at += 1)
      await half.write(Buffer.alloc(2 ** 20, 1), 0, 2 ** 20, at * 2 ** 20)
    await half.close()
    await expect(snapshotsOf(provider).create(id, named)).rejects.toThrow('has no space left')
    expect(await shelf()).toEqual([])
    const stuffing = join(world.pool, '.stuffing')
    for (const size of [65_536, 4_096, 512, 1])
      for (let more = true; more; )
        more = await appendFile(stuffing, Buffer.alloc(size)).then(
          () => true,
          () => false,
        )
    await expect(provider.driver.modifyVolume?.(id, { sizeGiB: 2 })).rejects.toThrow(
      'has no space left',
    )
    expect(readdirSync(join(world.pool, 'data')).sort()).toEqual(['disk', 'volume.json'])
    expect(await provider.driver.volume(id)).toMatchObject({ sizeGiB: 1 })
  })
})

describe.skipIf(unavailable !== undefined || !(await canReflink()))(
  'in a pool whose files share blocks (root, mkfs.xfs)',
  () => {
    test('a volume in use is copied at one stroke, and its device has the sectors that it had', async () => {
      await withReflinks(world)
      const provider = await world.provider(loopDefinition, 'here')
      const { id } = await provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
      const attachment = await provider.driver.attachVolume(id, 'here')
      const device = (await provider.executor.device(attachment)) ?? ''
      await sh('dd', 'if=/dev/urandom', `of=${device}`, 'bs=1M', 'count=300', 'oflag=direct')
      const taken = await snapshotsOf(provider).create(id, named)
      const source = { kind: 'volume', id } as const
      await provider.driver.createVolume({ name: 'copy', sizeGiB: 1, labels: {}, source })
      const copy = join(world.pool, '.snapshots', taken.id, 'disk')
      await sh('cmp', device, copy)
      await sh('cmp', device, diskOf('copy'))
      await provider.driver.detachVolume(id, 'here')
      const again = await provider.driver.attachVolume(id, 'here')
      const sectors = await sh('blockdev', '--getss', (await provider.executor.device(again)) ?? '')
      expect(sectors).toBe('512')
    })
  },
)
