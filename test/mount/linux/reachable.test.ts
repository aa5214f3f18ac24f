import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../../src/libstorage/run.ts'
import { readMounts } from '../../../src/mount/linux/mountinfo.ts'
import { reachableLines } from '../../../src/mount/linux/reachable.ts'
import { canMount } from '../../support/disk-world.ts'
import { KernelWorld } from '../../support/kernel-world.ts'

/** Of each mount: its id, the one that it is mounted in, and where; what can be reached of them, by id. */
function reachable(...mounts: readonly string[]): string[] {
  const lines = mounts.map((mount) => {
    const [id, parent, mountPoint] = mount.split(' ')
    return `${id} ${parent} 7:0 / ${mountPoint} rw - ext4 /dev/loop0 rw`
  })
  return reachableLines(lines.join('\n')).map((line) => line.split(' ')[0] ?? '')
}

describe('the mounts that a path leads to', () => {
  test('are all where none is mounted over the way to another', () => {
    const mounts = ['1 0 /', '2 1 /var', '3 2 /var/lib/volumes/a', '4 1 /mnt']
    expect(reachable(...mounts)).toEqual(['1', '2', '3', '4'])
  })

  test('leave out what lies beneath a folder over which something was mounted later', () => {
    expect(reachable('1 0 /', '2 1 /volumes/a', '3 1 /volumes')).toEqual(['1', '3'])
    expect(reachable('1 0 /', '2 1 /x/volumes/a', '3 1 /x')).toEqual(['1', '3'])
  })

  test('leave out what is mounted in one that is itself out of reach', () => {
    const mounts = ['1 0 /', '2 1 /volumes', '3 2 /volumes/a', '4 3 /volumes/a/b', '5 2 /volumes']
    expect(reachable(...mounts)).toEqual(['1', '2', '5'])
  })

  test('have one mounted in what covers its namesake', () => {
    const mounts = ['1 0 /', '2 1 /volumes/a', '3 1 /volumes', '4 3 /volumes/a']
    expect(reachable(...mounts)).toEqual(['1', '3', '4'])
  })

  test('keep those of one mount point, whose order tells the topmost', () => {
    expect(reachable('1 0 /', '2 1 /volumes/a', '3 2 /volumes/a')).toEqual(['1', '2', '3'])
  })

  test('are not hidden by a neighbour whose name begins alike', () => {
    expect(reachable('1 0 /', '2 1 /volumes/ab', '3 1 /volumes/a')).toEqual(['1', '2', '3'])
  })

  test('are told in a root of which the mounts above cannot be seen', () => {
    expect(reachable('5 1 /', '6 5 /volumes/a', '7 5 /volumes')).toEqual(['5', '7'])
    expect(reachable('6 5 /volumes/a', '7 5 /other')).toEqual(['6', '7'])
    expect(reachable('1 1 /', '25 1 /', '26 25 /volumes/a')).toEqual(['1', '25', '26'])
  })
})

describe.skipIf(!canMount)('on this machine (root)', () => {
  let world: KernelWorld
  beforeEach(() => {
    world = new KernelWorld()
  })
  afterEach(() => world.end())

  test('a mount is not seen while another one covers its folder', async () => {
    const device = await world.formatted('ext4', 16)
    const at = await world.mount(device, 'volumes/a')
    const folder = path.dirname(at)
    const tool = async (command: string, ...args: string[]) => {
      const { exitCode } = await run(command, args, { timeoutMs: 10_000 })
      expect(exitCode).toBe(0)
    }
    const isSeen = () => readMounts().some(({ mountPoint }) => mountPoint === at)
    expect(isSeen()).toBe(true)
    await tool('mount', '-t', 'tmpfs', 'cover', folder)
    try {
      mkdirSync(at)
      expect(isSeen()).toBe(false)
    } finally {
      await tool('umount', folder)
    }
    expect(isSeen()).toBe(true)
  })
})
