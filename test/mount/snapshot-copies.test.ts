import { afterEach, beforeEach, expect, test } from 'vitest'
import { FailedPreconditionError, NotFoundError } from '../../src/libstorage/errors.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { copiesIn, EbsCopyWorld } from '../support/ebs-copy-world.ts'
import { ebsMountManager } from '../support/ebs-mount-world.ts'

let there: EbsCopyWorld
let manager: MountManager
let original: string
beforeEach(async () => {
  there = await EbsCopyWorld.open({ snapshot: 60_000 })
  manager = await ebsMountManager(there.world)
  original = (await there.taken()).id
})
afterEach(() => there.close())

test('a snapshot is copied by its id or its name, under its own name unless another is given', async () => {
  const named = await manager.copySnapshot('s', { name: 'keep' })
  const unnamed = await manager.copySnapshot(original, {})
  expect([named.name, unnamed.name]).toEqual(['keep', 's'])
  expect(copiesIn(there.simulator)).toEqual([named.id, unnamed.id])
  await expect(manager.copySnapshot('s', {})).rejects.toThrow(/is the name of 2 snapshots/)
  await expect(manager.copySnapshot('other', {})).rejects.toThrow(NotFoundError)
})

test('a snapshot that is being copied is not removed until that is over', async () => {
  const { id } = await manager.copySnapshot(original, { name: 'keep' })
  const refused = manager.removeSnapshot(original)
  await expect(refused).rejects.toThrow(FailedPreconditionError)
  await expect(refused).rejects.toThrow(`snapshot ${original} is being copied to ${id}, remove it`)
  expect(there.simulator.count('DeleteSnapshot')).toBe(0)
  there.become(id, 'completed')
  await manager.removeSnapshot(original)
  expect(await manager.snapshots()).toMatchObject([{ id, state: 'complete', copyOf: original }])
})

test('a copy is removed also while it is being made', async () => {
  const { id } = await manager.copySnapshot(original, { name: 'keep' })
  await manager.removeSnapshot('keep')
  expect(copiesIn(there.simulator)).toEqual([])
  await manager.removeSnapshot(original)
  await expect(manager.removeSnapshot(id)).rejects.toThrow(NotFoundError)
})
