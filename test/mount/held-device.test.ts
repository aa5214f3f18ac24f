import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { has } from '../support/disk-world.ts'
import { eventually } from '../support/eventually.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'

const HOLD = `
  const { constants, openSync } = require('node:fs')
  openSync(process.argv[1], constants.O_RDONLY | constants.O_EXCL)
  console.log('held')
  setInterval(() => {}, 1000)
`

describe.skipIf(loopUnavailable !== undefined)('a device that somebody else has (root)', () => {
  let world: LoopWorld
  let manager: MountManager
  const ends: (() => unknown)[] = []
  beforeEach(async () => {
    world = new LoopWorld()
    manager = await world.manager()
    await manager.create('data', {})
  })
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
    await world.end()
  })

  const place = () => path.join(world.mountRoot, 'data')
  const device = async () =>
    (await world.tool('losetup', '-j', world.diskOf('data'))).split(':')[0] ?? ''

  /** A program that holds a device as device mapper, md and mkfs do; resolves with what ends it. */
  async function holder(held: string): Promise<() => Promise<void>> {
    const child = spawn(process.execPath, ['-e', HOLD, held], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const end = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    ends.push(end)
    await once(child.stdout, 'data')
    return end
  }

  const FOR_ITSELF = /pid \d+ \((node|MainThread)\)/.source

  test('blank, is not formatted, and the error names who has it; when that has ended it is', async () => {
    await manager.attach('data')
    const disk = await device()
    const end = await holder(disk)
    await expect(mounted(manager, 'data', 'a')).rejects.toThrow(
      new RegExp(
        `^volume "data" is in use by ${FOR_ITSELF}, end that and try again: it gets its file system while nobody has its device, ${disk}$`,
      ),
    )
    expect(await world.mounter.identify(disk)).toEqual({ kind: 'nothing' })
    await end()
    await mounted(manager, 'data', 'a')
  })

  test('with a file system, is refused, and the error names who has it; when that has ended it is mounted', async () => {
    writeFileSync(path.join(await mounted(manager, 'data', 'a'), 'file'), 'kept')
    await manager.unmount({ name: 'data', holder: 'a' })
    await manager.attach('data')
    const disk = await device()
    const end = await holder(disk)
    await expect(mounted(manager, 'data', 'a')).rejects.toThrow(
      new RegExp(
        `^the ext4 file system on ${disk} cannot be mounted while the device is in use by ${FOR_ITSELF}, end that and try again$`,
      ),
    )
    expect(await device()).toBe(disk)
    await end()
    expect(readFileSync(path.join(await mounted(manager, 'data', 'a'), 'file'), 'utf8')).toBe(
      'kept',
    )
  })

  test.skipIf(!has('swapon'))('to swap on, is refused, and stays swap space', async () => {
    await manager.attach('data')
    const disk = await device()
    await world.tool('mkswap', disk)
    await world.tool('swapon', disk)
    ends.push(() => world.tool('swapoff', disk))
    await expect(mounted(manager, 'data', 'a')).rejects.toThrow(
      `volume "data" holds swap space (on ${disk}), it is never formatted over`,
    )
    await expect(manager.remove('data')).rejects.toThrow(
      'volume "data" is in use by this machine to swap on',
    )
    await world.tool('swapoff', disk)
    ends.length = 0
    await manager.remove('data')
  })

  test('keeps its mount point here, bare and immutable, until it is free', async () => {
    await mounted(manager, 'data', 'a')
    const disk = await device()
    const container = spawn('unshare', [
      '-m',
      '--propagation',
      'private',
      'sh',
      '-c',
      'echo; read -r x',
    ])
    ends.push(() => container.kill('SIGKILL'))
    await once(container.stdout, 'data')
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(world.mounter.mounts().filter(({ mountPoint }) => mountPoint === place())).toEqual([])
    expect(await world.mounter.exclusiveOpen(disk)).toBe('held')
    expect(readdirSync(place())).toEqual([])
    expect(() => writeFileSync(path.join(place(), 'stray'), '')).toThrow(/EPERM/)
    container.kill('SIGKILL')
    await eventually(() => expect(existsSync(place())).toBe(false))
    await eventually(async () => expect(await device()).toBe(''))
  })
})
