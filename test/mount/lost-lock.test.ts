import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import type { MemoryCall } from '../support/memory-platform.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld
let manager: MountManager
beforeEach(async () => {
  world = new MountWorld()
  manager = world.manager()
  await manager.create('data', {})
})
afterEach(() => world.end())

const lockFolder = () => path.join(world.folder, 'locks')
const locks = () => readdirSync(lockFolder()).filter((name) => name.endsWith('.lock'))

/** As a cleaner of temporary files does; somebody else may take it at once. */
function takeAway(): void {
  for (const name of locks()) rmSync(path.join(lockFolder(), name), { recursive: true })
}

/** Takes the lock away during the first effect of this kind; what changes kernel or platform from then on is told. */
function takeAwayDuring(kind: string): () => readonly string[] {
  const after: string[] = []
  let isTaken = false
  world.kernel.before = async (effect) => {
    if (isTaken) after.push(effect)
    if (isTaken || !effect.startsWith(kind)) return
    isTaken = true
    takeAway()
  }
  const calls = world.platform.calls.length
  const changes: readonly MemoryCall[] = ['attachVolume', 'detachVolume', 'removeVolume']
  return () => [
    ...after,
    ...world.platform.calls
      .slice(calls)
      .flatMap(({ call }) => (changes.includes(call) ? call : [])),
  ]
}

const TAKEN = /^lock memory-vol-\w+ was taken away while it was held, /

describe('a lock that is taken away stops the operation before its next step:', () => {
  test('the attach is the last that a Mount does', async () => {
    const goOn = world.platform.block('attachVolume')
    const mounting = mounted(manager, 'data', 'a')
    mounting.catch(() => {})
    await expect.poll(() => world.platform.count('attachVolume')).toBe(1)
    takeAway()
    goOn()
    await expect(mounting).rejects.toThrow(TAKEN)
    expect(world.kernel.effects).toEqual([])
    expect(world.platform.count('detachVolume')).toBe(0)
  })

  test('nothing is attached when it is lost while the machine is looked at', async () => {
    const before = world.platform.count('instance')
    const goOn = world.platform.block('instance')
    const mounting = mounted(manager, 'data', 'a')
    mounting.catch(() => {})
    await expect.poll(() => world.platform.count('instance')).toBeGreaterThan(before)
    takeAway()
    goOn()
    await expect(mounting).rejects.toThrow(TAKEN)
    expect(world.platform.count('attachVolume')).toBe(0)
  })

  test('mkfs is not followed by a mount', async () => {
    const changes = takeAwayDuring('mkfs')
    await expect(mounted(manager, 'data', 'a')).rejects.toThrow(TAKEN)
    expect(changes()).toEqual(['attachVolume'])
  })

  test('a check is not followed by a mount', async () => {
    await mounted(manager, 'data', 'a')
    await manager.unmount({ name: 'data', holder: 'a' })
    const changes = takeAwayDuring('check')
    await expect(mounted(manager, 'data', 'a')).rejects.toThrow(TAKEN)
    expect(changes()).toEqual(['attachVolume'])
  })

  test('a mount is not followed by a reference', async () => {
    const changes = takeAwayDuring('mount')
    await expect(mounted(manager, 'data', 'a')).rejects.toThrow(TAKEN)
    expect(changes()).toEqual(['attachVolume'])
    expect(world.ledger().all()[0]?.references).toEqual([])
  })

  test('an unmount is not followed by a detach, and the volume is released later', async () => {
    await mounted(manager, 'data', 'a')
    const changes = takeAwayDuring('unmount')
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(changes()).toEqual([])
    await expect
      .poll(() => world.platform.volumes()[0]?.attachments, { timeout: 10_000 })
      .toEqual([])
  })

  test('a detach is not followed by a removal', async () => {
    await mounted(manager, 'data', 'a')
    await world.age()
    const goOn = world.platform.block('detachVolume')
    const removing = manager.remove('data')
    removing.catch(() => {})
    await expect.poll(() => world.platform.count('detachVolume')).toBe(1)
    takeAway()
    goOn()
    await expect(removing).rejects.toThrow(TAKEN)
    expect(world.platform.count('removeVolume')).toBe(0)
  })
})

test('a lock that somebody else has taken meanwhile is left to him', async () => {
  const goOn = world.platform.block('attachVolume')
  const mounting = mounted(manager, 'data', 'a')
  mounting.catch(() => {})
  await expect.poll(() => world.platform.count('attachVolume')).toBe(1)
  const [name = ''] = locks()
  takeAway()
  mkdirSync(path.join(lockFolder(), name))
  goOn()
  await expect(mounting).rejects.toThrow(TAKEN)
  expect(locks()).toEqual([name])
  rmSync(path.join(lockFolder(), name), { recursive: true })
})
