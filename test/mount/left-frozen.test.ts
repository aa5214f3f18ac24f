import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { identifySelf } from '../../src/libstorage/process-identity.ts'
import { FileLedger } from '../../src/mount/ledger.ts'
import { thawing } from '../../src/mount/left-frozen.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { COMMAND_HOLDER } from '../../src/mount/references.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'

describe.skipIf(loopUnavailable !== undefined)(
  'a volume whose freeze lost its process and its guard (root)',
  () => {
    let world: LoopWorld
    let manager: MountManager
    let folder: string
    const writers: ChildProcess[] = []
    beforeEach(async () => {
      world = new LoopWorld()
      manager = await world.manager()
      await manager.create('data', {})
      folder = await mounted(manager, 'data', 'a')
    })
    afterEach(async () => {
      // Left frozen by a failure it could not be taken away; thawed already, this is refused and changes nothing.
      await world.tool('fsfreeze', '-u', path.dirname(folder)).catch(() => {})
      for (const writer of writers.splice(0)) writer.kill('SIGKILL')
      await world.end()
    })

    const ledger = () => new FileLedger(path.join(world.folder, 'ledger'), silentLogger)
    const recorded = () => ledger().all()[0]

    async function leaveFrozen(): Promise<void> {
      await world.tool('fsfreeze', '-f', path.dirname(folder))
      const since = new Date().toISOString()
      const process = { ...identifySelf(), pid: 999_999_999 }
      const record = recorded()
      if (record === undefined) throw new Error('nothing is recorded')
      await ledger().put({ ...record, tool: { command: 'fsfreeze', process, since } })
    }

    /** A writer that waits as long as the volume is frozen. */
    function write(): ChildProcess {
      const child = spawn('sh', ['-c', 'echo x > "$0"', path.join(folder, 'file')])
      writers.push(child)
      return child
    }

    async function expectThawed(): Promise<void> {
      const writer = write()
      await expect.poll(() => writer.exitCode, { timeout: 15_000 }).toBe(0)
      expect(recorded()?.tool).toBeUndefined()
    }

    test('is thawed by a server that runs, though it is in use', async () => {
      manager.start()
      await leaveFrozen()
      await expectThawed()
      expect(recorded()?.references).toMatchObject([{ id: 'a' }])
    })

    test('is thawed by the Mount of another holder', async () => {
      await leaveFrozen()
      await mounted(manager, 'data', 'b')
      await expectThawed()
    })

    test('is thawed by an Unmount that leaves others their references', async () => {
      await mounted(manager, 'data', 'b')
      await leaveFrozen()
      await manager.unmount({ name: 'data', holder: 'b' })
      await expectThawed()
    })

    test('is thawed by a command that is refused since others use the volume', async () => {
      const command = await world.manager({}, 'command')
      await leaveFrozen()
      const unmounting = command.unmount({ name: 'data', holder: COMMAND_HOLDER })
      await expect(unmounting).rejects.toThrow('is in use by')
      await expectThawed()
    })

    test('is unmounted by its last holder, and what waited to be written is on it', async () => {
      await leaveFrozen()
      await manager.unmount({ name: 'data', holder: 'a' })
      await expect.poll(() => world.tool('losetup', '-j', world.diskOf('data'))).toBe('')
      await mounted(manager, 'data', 'a')
    })

    test('stays recorded as frozen until it is thawed, whatever comes before', async () => {
      await leaveFrozen()
      const thaw = world.mounter.thaw
      const fails = { ...world.mounter, thaw: () => Promise.reject(new Error('killed')) }
      const { places } = { places: { at: () => ({ mountPoint: path.dirname(folder) }) } as never }
      const record = recorded()
      if (record === undefined) throw new Error('nothing is recorded')
      await expect(thawing(fails, places)(record)).rejects.toThrow('killed')
      expect(recorded()?.tool?.command).toBe('fsfreeze')
      await thaw(path.dirname(folder))
      await thaw(path.dirname(folder))
      await thaw(path.join(world.folder, 'nowhere'))
    })
  },
)
