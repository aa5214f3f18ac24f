import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../../src/libstorage/run.ts'
import type { ToolRecord } from '../../../src/mount/ledger-record.ts'
import { freezeFileSystem } from '../../../src/mount/linux/freezing.ts'
import type { Frozen } from '../../../src/mount/mounter.ts'
import { canMount, has } from '../../support/disk-world.ts'
import { eventually } from '../../support/eventually.ts'
import { KernelWorld, unnoted } from '../../support/kernel-world.ts'

describe.skipIf(!canMount || !has('mkfs.ext4', 'fsfreeze'))('a freeze (root)', () => {
  let world: KernelWorld
  let folder: string
  let frozen: Frozen | undefined
  beforeEach(async () => {
    world = new KernelWorld()
    folder = await world.mount(await world.formatted('ext4', 64), 'data')
  })
  afterEach(async () => {
    await frozen?.thaw()
    await world.end()
  })

  /** Somebody who writes, and waits for as long as nobody may. */
  function writer(): ChildProcess {
    const child = spawn('sh', ['-c', 'echo x > "$1"', 'sh', `${folder}/file`])
    world.atEnd(async () => child.kill('SIGKILL'))
    return child
  }

  test('ends by itself when its time is up, though whoever froze it lives and does not thaw', async () => {
    frozen = await freezeFileSystem(folder, run, unnoted, 1)
    const waiting = writer()
    await eventually(() => expect(waiting.exitCode).toBe(0))
    await frozen.thaw()
    const next = writer()
    await eventually(() => expect(next.exitCode).toBe(0))
  })

  test('lasts 30 s at most where nothing else is said', async () => {
    let guard: ToolRecord | undefined
    frozen = await freezeFileSystem(folder, run, async (tool) => {
      guard = tool
    })
    const words = readFileSync(`/proc/${guard?.process.pid}/cmdline`, 'utf8').split('\0')
    expect(words.slice(-3)).toEqual([folder, '30', ''])
  })
})
