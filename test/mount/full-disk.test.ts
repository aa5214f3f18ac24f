import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/libstorage/run.ts'
import { ProcessLocks } from '../../src/mount/locks.ts'
import { RemovedNamesFolder } from '../../src/mount/removed-names.ts'
import { canMount, tool } from '../support/disk-world.ts'
import { KernelWorld } from '../support/kernel-world.ts'

describe.skipIf(!canMount)('on a disk that is full (root)', () => {
  let world: KernelWorld
  let folder: string
  beforeEach(async () => {
    world = new KernelWorld()
    folder = world.folder('full')
    await tool('mount', '-t', 'tmpfs', '-o', 'size=64k,nr_inodes=16', 'full', folder)
    world.atEnd(() => run('umount', ['-l', folder], { timeoutMs: 10_000 }))
  })
  afterEach(() => world.end())

  const filler = (name: string) => path.join(folder, name)
  const fill = () => {
    expect(() => {
      for (let file = 0; file < 16; file += 1) writeFileSync(filler(`fill-${file}`), '')
    }).toThrow('ENOSPC')
  }
  const isTold = (what: string) => ({
    code: 'ERR_RESOURCE_EXHAUSTED',
    message: `${what} cannot be written: its disk is full, make room there and try again`,
  })

  test('a lock cannot be taken, which says why, and can be once there is room', async () => {
    const locks = new ProcessLocks(folder)
    fill()
    const refused = locks.acquire('data', 'is a test', AbortSignal.timeout(10_000))
    await expect(refused).rejects.toMatchObject(isTold(`run directory ${folder}`))
    for (const file of [0, 1, 2]) rmSync(filler(`fill-${file}`))
    await (await locks.acquire('data', 'is a test', AbortSignal.timeout(10_000))).release()
  })

  test('the name of a removed volume cannot be remembered, which says why', () => {
    const removed = new RemovedNamesFolder(folder)
    fill()
    const refused = () => removed.add('data')
    expect(refused).toThrow(expect.objectContaining(isTold(`ledger ${folder}`)))
  })
})
