import { spawnSync } from 'node:child_process'
import {
  chmod,
  cp,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  AlreadyExistsError,
  FailedPreconditionError,
  NotFoundError,
  ResourceExhaustedError,
  UnavailableError,
} from '../../../src/libstorage/errors.ts'
import { leftoverName } from '../../../src/libstorage/leftover.ts'
import { identifySelf } from '../../../src/libstorage/process-identity.ts'
import { run } from '../../../src/libstorage/run.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { vfsDefinition } from '../../../src/providers/vfs/config.ts'
import { PoolWorld, sh } from '../../support/pool-world.ts'

const isRoot = process.getuid?.() === 0
let world: PoolWorld
let provider: Provider

beforeEach(async () => {
  world = await PoolWorld.make()
  provider = await world.provider(vfsDefinition, 'here')
})
afterEach(() => world.cleanup())

const spec = (name: string) => ({ name, sizeGiB: 1, labels: {} })

/** A process that ended a moment ago. */
function deadProcess() {
  const { pid } = spawnSync('true')
  return { ...identifySelf(), pid, startTime: '1' }
}

/** Lengthens a file until its file system has no block left, those included that come free only when it is synced. */
async function fill(path: string): Promise<void> {
  const block = Buffer.alloc(1024, 1)
  for (let round = 0; round < 3; round += 1) {
    await sh('sync', '-f', dirname(path))
    const file = await open(path, 'a')
    const write = async () => {
      for (;;) await file.writeFile(block)
    }
    await expect(write()).rejects.toThrow('ENOSPC')
    await file.close()
  }
}

describe('what a dying process leaves', () => {
  test('a volume half made is no volume, and is swept away by the next list', async () => {
    const half = join(world.pool, leftoverName('creating', deadProcess()))
    await mkdir(join(half, 'files'), { recursive: true })
    expect(await provider.driver.volumes()).toEqual([])
    expect(await readdir(world.pool)).toEqual([])
    await provider.driver.createVolume(spec('data'))
  })

  test('a volume half removed is gone, its name is free, and the rest is swept away', async () => {
    const { id } = await provider.driver.createVolume(spec('data'))
    const rest = join(world.pool, leftoverName('removing', deadProcess()))
    await rename(join(world.pool, 'data'), rest)
    await expect(provider.driver.volume(id)).rejects.toThrow(NotFoundError)
    await provider.driver.createVolume(spec('data'))
    expect((await readdir(world.pool)).sort()).toEqual(['.pool', 'data'])
  })

  test('what a living process works on is left alone', async () => {
    const alive = leftoverName('creating', identifySelf())
    await mkdir(join(world.pool, alive))
    await provider.driver.volumes()
    expect(await readdir(world.pool)).toEqual([alive])
  })

  test('what is left from before a reboot is swept away', async () => {
    const before = { ...identifySelf(), bootId: '00000000-0000-0000-0000-000000000000' }
    await mkdir(join(world.pool, leftoverName('creating', before)))
    await provider.driver.volumes()
    expect(await readdir(world.pool)).toEqual([])
  })

  test.each(['attach', 'list'])('of a change is swept away by the next %s', async (next) => {
    const { id } = await provider.driver.createVolume(spec('data'))
    const folder = join(world.pool, 'data')
    for (const undertaking of ['claiming', 'ending', 'growing'])
      await writeFile(join(folder, leftoverName(undertaking, deadProcess())), '{')
    if (next === 'attach') await provider.driver.attachVolume(id, 'here')
    else await provider.driver.volumes()
    const left = (await readdir(folder)).filter((entry) => entry !== 'attachment.json')
    expect(left.sort()).toEqual(['files', 'volume.json'])
  })
})

describe('a reboot', () => {
  async function reboot(name: string): Promise<void> {
    const path = join(world.pool, name, 'attachment.json')
    const claim = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...claim, bootId: 'another' }))
  }

  test('ends this machine’s attachments: a later one begins at another time', async () => {
    const { id } = await provider.driver.createVolume(spec('data'))
    const before = await provider.driver.attachVolume(id, 'here')
    await reboot('data')
    expect((await provider.driver.volume(id)).attachments).toEqual([])
    expect(await provider.executor.device(before)).toBeUndefined()
    const after = await provider.driver.attachVolume(id, 'here')
    expect(after.since.getTime()).toBeGreaterThan(before.since.getTime())
  })

  test('ends another machine’s attachments too, where no other kernel can reach the pool', async () => {
    const { id } = await provider.driver.createVolume(spec('data'))
    await provider.driver.attachVolume(id, 'there')
    await reboot('data')
    expect((await provider.driver.volume(id)).attachments).toEqual([])
    await provider.driver.attachVolume(id, 'here')
  })
})

describe('a pool with other things in it', () => {
  test('files and folders that are no volumes are ignored', async () => {
    await mkdir(join(world.pool, 'lost+found'))
    await writeFile(join(world.pool, 'notes.txt'), 'mine')
    await mkdir(join(world.pool, '.hidden'))
    expect(await provider.driver.volumes()).toEqual([])
    expect(await provider.driver.volumes({ name: 'lost+found' })).toEqual([])
    expect(await provider.driver.volumes({ name: 'notes.txt' })).toEqual([])
    expect((await readdir(world.pool)).sort()).toEqual(['.hidden', 'lost+found', 'notes.txt'])
  })

  test('a name whose folder is taken by a foreign file is refused, and the file stays', async () => {
    await writeFile(join(world.pool, 'data'), 'mine')
    await expect(provider.driver.createVolume(spec('data'))).rejects.toThrow(AlreadyExistsError)
    expect(await readdir(world.pool)).toEqual(['data'])
    expect(await readFile(join(world.pool, 'data'), 'utf8')).toBe('mine')
  })

  test('a damaged volume is listed with what is wrong, refused to attach, and can be removed', async () => {
    await provider.driver.createVolume(spec('my data'))
    await writeFile(join(world.pool, 'my%20data', 'volume.json'), '{"id": 3')
    const [volume] = await provider.driver.volumes()
    expect(volume).toMatchObject({ name: 'my data', state: 'error' })
    expect(volume?.problem).toContain('has a damaged')
    expect(await provider.driver.volumes({ name: 'my data' })).toEqual([volume])
    const id = volume?.id ?? ''
    await expect(provider.driver.attachVolume(id, 'here')).rejects.toThrow('has a damaged')
    await provider.driver.removeVolume(id)
    expect(await provider.driver.volumes()).toEqual([])
  })

  test('a volume without its content says what it lost', async () => {
    await provider.driver.createVolume(spec('data'))
    await rm(join(world.pool, 'data', 'files'), { recursive: true })
    const [volume] = await provider.driver.volumes()
    expect(volume).toMatchObject({ state: 'error', problem: expect.stringContaining('has lost') })
  })

  test('the copy of a volume’s folder is not taken for the volume', async () => {
    const { id } = await provider.driver.createVolume(spec('data'))
    await cp(join(world.pool, 'data'), join(world.pool, 'copy'), { recursive: true })
    const volumes = await provider.driver.volumes()
    expect(volumes.filter((volume) => volume.id === id).map((one) => one.name)).toEqual(['data'])
    expect(volumes.find((one) => one.name === 'copy')).toMatchObject({ state: 'error' })
  })

  test('while nobody can tell who has a volume, nobody gets it', async () => {
    const { id } = await provider.driver.createVolume(spec('data'))
    await provider.driver.attachVolume(id, 'here')
    const claim = join(world.pool, 'data', 'attachment.json')
    await truncate(claim, 3)
    for (const attempt of [
      () => provider.driver.attachVolume(id, 'here'),
      () => provider.driver.detachVolume(id, 'here'),
      () => provider.driver.removeVolume(id),
    ]) {
      await expect(attempt()).rejects.toThrow(FailedPreconditionError)
      await expect(attempt()).rejects.toThrow(claim)
    }
    await rm(claim)
    await provider.driver.attachVolume(id, 'here')
  })

  test('volumes that come and go during a list do not disturb it', async () => {
    const stays = await provider.driver.createVolume(spec('stays'))
    const churn = (async () => {
      for (let round = 0; round < 30; round += 1) {
        const { id } = await provider.driver.createVolume(spec(`goes${round}`))
        await provider.driver.removeVolume(id)
      }
    })()
    for (let round = 0; round < 30; round += 1)
      expect((await provider.driver.volumes()).map((one) => one.id)).toContain(stays.id)
    await churn
  })
})

describe('a pool that cannot be used', () => {
  const create = (pool: string) =>
    vfsDefinition.create({ pool }, { service: 'vfs', libDirectory: world.root, run })

  test('is an error that names it where the folder above it is missing', async () => {
    const pool = join(world.root, 'not', 'there')
    await expect(create(pool)).rejects.toThrow(`pool ${pool} does not exist`)
  })

  test('is an outage, not an empty list, when it goes away', async () => {
    await rm(world.pool, { recursive: true })
    for (const attempt of [
      () => provider.driver.volumes(),
      () => provider.driver.volumes({ name: 'data' }),
      () => provider.driver.createVolume(spec('data')),
    ])
      await expect(attempt()).rejects.toThrow(UnavailableError)
  })

  test('is made by default, with the folders above it', async () => {
    const libDirectory = join(world.root, 'var', 'lib')
    const made = await vfsDefinition.create({}, { service: 'vfs', libDirectory, run })
    expect(await made.driver.volumes()).toEqual([])
    expect(await readdir(libDirectory)).toEqual(['vfs'])
  })

  test.skipIf(!isRoot)('is named where its file system is read-only', async () => {
    await sh('mount', '--bind', world.pool, world.pool)
    await sh('mount', '-o', 'remount,ro,bind', world.pool)
    const readOnly = await create(world.pool)
    expect(await readOnly.driver.volumes()).toEqual([])
    await expect(readOnly.driver.createVolume(spec('data'))).rejects.toThrow(
      `pool ${world.pool} is on a read-only file system`,
    )
  })

  test('is named where this user may not write', async () => {
    await (isRoot ? sh('chattr', '+i', world.pool) : chmod(world.pool, 0o500))
    try {
      await expect(provider.driver.createVolume(spec('data'))).rejects.toThrow(world.pool)
    } finally {
      if (isRoot) await sh('chattr', '-i', world.pool)
    }
  })

  test.skipIf(!isRoot)('says so where it is full, and keeps nothing half made', async () => {
    await world.fileSystem(world.pool, 4)
    const small = await create(world.pool)
    const { id } = await small.driver.createVolume(spec('kept'))
    await fill(join(world.pool, 'filler'))
    const creation = small.driver.createVolume(spec('data'))
    await expect(creation).rejects.toThrow(ResourceExhaustedError)
    await expect(creation).rejects.toThrow(`pool ${world.pool} has no space left, remove volumes`)
    const kept = ['.pool', 'filler', 'kept', 'lost+found']
    await expect.poll(async () => (await readdir(world.pool)).sort()).toEqual(kept)
    await fill(join(world.pool, 'filler'))
    await expect(small.driver.attachVolume(id, 'here')).rejects.toThrow(ResourceExhaustedError)
    expect((await readdir(world.pool)).sort()).toEqual(kept)
    expect((await readdir(join(world.pool, 'kept'))).sort()).toEqual(['files', 'volume.json'])
    await rm(join(world.pool, 'filler'))
    await small.driver.attachVolume(id, 'here')
  })

  test.skipIf(!isRoot)('a volume that has something mounted inside is not removed', async () => {
    const { id } = await provider.driver.createVolume(spec('data'))
    const inside = join(world.pool, 'data', 'files', 'in side')
    await world.fileSystem(inside, 4)
    await writeFile(join(inside, 'precious'), 'x')
    await expect(provider.driver.removeVolume(id)).rejects.toThrow(`at ${inside}`)
    expect(await readdir(inside)).toContain('precious')
  })
})
