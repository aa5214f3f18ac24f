import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TimeoutError } from '../../src/libstorage/errors.ts'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { identifySelf, thisMachine } from '../../src/libstorage/process-identity.ts'
import { FileLedger } from '../../src/mount/ledger.ts'
import { newRecord } from '../../src/mount/ledger-record.ts'
import { ProcessLocks } from '../../src/mount/locks.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { COMMAND_HOLDER } from '../../src/mount/references.ts'
import { VolumeSessions } from '../../src/mount/volume-session.ts'
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

    test('is thawed by a copy of it, also where that is refused', async () => {
      await leaveFrozen()
      await expect(manager.createSnapshot('data', 'one')).rejects.toThrow('is in use, and')
      await expectThawed()
    })

    test('may be thawed already, or be gone: a thaw is a success then', async () => {
      await world.mounter.thaw(path.dirname(folder))
      await world.mounter.thaw(path.join(world.folder, 'nowhere'))
    })
  },
)

describe('the record of a volume that was left frozen', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'remora-left-frozen-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('says so until the thaw has succeeded, and whoever cannot do without is told', async () => {
    const ledger = new FileLedger(path.join(folder, 'ledger'), silentLogger)
    const volume = { id: 'vol-1', name: 'data', sizeGiB: 1, managed: true, labels: {} }
    const tool = {
      command: 'fsfreeze',
      process: { ...identifySelf(), pid: 999_999_999 },
      since: new Date().toISOString(),
    }
    await ledger.put({
      ...newRecord('loop', volume, thisMachine.bootId()),
      references: [{ id: 'a', count: 1, undelivered: 0, since: tool.since }],
      tool,
    })
    let disk: 'hangs' | 'works' = 'hangs'
    const thaw = async () => {
      if (disk === 'hangs')
        throw new TimeoutError({ subject: 'fsfreeze', problem: 'did not end within 10 s' })
    }
    const locks = new ProcessLocks(path.join(folder, 'locks'))
    const sessions = new VolumeSessions('loop', ledger, locks, thisMachine, thaw)
    await sessions.run(volume, 'mounts the volume', undefined, async (session) => {
      await expect(session.awaitTool()).rejects.toThrow('did not end within 10 s')
    })
    expect(ledger.get('vol-1')?.tool).toEqual(tool)
    disk = 'works'
    await sessions.run(volume, 'looks', undefined, async () => {})
    expect(ledger.get('vol-1')?.tool).toBeUndefined()
  })
})
