import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { leftoverName } from '../../src/libstorage/leftover.ts'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { identifySelf } from '../../src/libstorage/process-identity.ts'
import { run } from '../../src/libstorage/run.ts'
import { createService } from '../../src/libstorage/service.ts'
import { ToolRunner } from '../../src/libstorage/tool-runner.ts'
import { createMountManager } from '../../src/mount/create-mount-manager.ts'
import { OWNER_FILE } from '../../src/mount/lock-file-system.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { vfsDefinition } from '../../src/providers/vfs/config.ts'
import { eventually } from '../support/eventually.ts'
import { MountWorld, mounted, quickSettings } from '../support/mount-world.ts'
import { RecordingLogger } from '../support/recording-logger.ts'

const dead = { ...identifySelf(), pid: 999_999_999 }

describe('the log says at info what was taken away of what dead processes left:', () => {
  let home: string
  let tools: ToolRunner
  let manager: MountManager | undefined
  let log: RecordingLogger
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'remora-swept-'))
    log = new RecordingLogger()
    const scratchDirectory = path.join(home, 'run/scratch')
    tools = new ToolRunner({ scratchDirectory, atOnce: 2, turnMs: 100, logger: log })
  })
  afterEach(async () => {
    await manager?.close()
    await tools.close()
    rmSync(home, { recursive: true, force: true })
  })

  async function start(): Promise<MountManager> {
    tools.start()
    const context = { service: 'vfs', libDirectory: home, run, logger: log }
    const provider = await vfsDefinition.create(vfsDefinition.settings.parse({}), context)
    manager = createMountManager({
      service: createService('vfs', provider, silentLogger),
      settings: quickSettings,
      role: 'server',
      mountFolder: path.join(home, 'volumes'),
      reservedNames: new Set(),
      libDirectory: home,
      runDirectory: path.join(home, 'run'),
      run: tools.run,
      runBehindGate: tools.runBehindGate,
      logger: log,
      events: { record: () => {} },
    })
    manager.start()
    return manager
  }

  const told = (what: string) =>
    eventually(() =>
      expect(log.lines).toContainEqual({
        level: 'info',
        message: `${what} was left by a process that died, and is deleted`,
        fields: {},
      }),
    )

  test.each([
    ['what a tool wrote', 'run/scratch', 'tools'],
    ['a scratch file system', 'run/scratch', 'mount-options'],
    ['a record that was being written', 'ledger/vfs', 'writing'],
    ['a volume that was being made', 'vfs', 'creating'],
    ['a volume that was being removed', 'vfs', 'removing'],
  ])('%s', async (_what, folder, undertaking) => {
    const left = path.join(home, folder, leftoverName(undertaking, dead))
    mkdirSync(left, { recursive: true })
    await (await start()).list()
    await told(left)
    expect(existsSync(left)).toBe(false)
  })

  test('a link that was prepared', async () => {
    mkdirSync(path.join(home, 'volumes'))
    const left = path.join(home, 'volumes', leftoverName('link', dead))
    symlinkSync('/nowhere', left)
    await start()
    await told(left)
  })

  test('a lock', async () => {
    const lock = path.join(home, 'run/locks/vfs-vol-1.lock')
    mkdirSync(lock, { recursive: true })
    writeFileSync(path.join(lock, OWNER_FILE), JSON.stringify({ process: dead, purpose: 'mounts' }))
    await start()
    await told(`lock ${lock}`)
    expect(existsSync(lock)).toBe(false)
  })
})

test('the log says at info which volume a server releases that a dead process left', async () => {
  const world = new MountWorld()
  try {
    const before = world.manager()
    await before.create('data', {})
    await mounted(before, 'data', 'a')
    await before.close()
    const [record] = world.ledger().all()
    if (record === undefined) throw new Error('nothing is recorded')
    await world.ledger().put({ ...record, references: [] })
    world.manager().start()
    await eventually(() => expect(world.isMounted('data')).toBe(false))
    expect(world.infos).toContain(
      'volume "data" was left here by a process that died, nobody uses it, and it is released',
    )
  } finally {
    await world.end()
  }
})
