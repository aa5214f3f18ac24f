import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FileLedger } from '../../src/mount/ledger.ts'
import { type LedgerRecord, newRecord } from '../../src/mount/ledger-record.ts'
import { bundleChild, LineProcess } from '../support/child-process.ts'
import { canMount, DiskWorld, tool } from '../support/disk-world.ts'
import { RecordingLogger } from '../support/recording-logger.ts'

let bundles: string
let program: string
beforeAll(async () => {
  bundles = mkdtempSync(path.join(tmpdir(), 'remora-bundle-'))
  program = await bundleChild('ledger-child.ts', bundles)
})
afterAll(() => rmSync(bundles, { recursive: true, force: true }))

let world: DiskWorld
beforeEach(() => {
  world = new DiskWorld()
})
afterEach(() => world.end())

const logger = new RecordingLogger()

function startOn(folder: string): LineProcess {
  const child = new LineProcess(program, [folder])
  world.atEnd(() => child.kill())
  return child
}

/** Whether all that another process writes is seen at once, however fast it writes. */
async function expectAllSeen(folder: string): Promise<void> {
  const ledger = new FileLedger(folder, logger)
  const other = startOn(folder)
  for (let round = 0; round < 60; round++) {
    // One, two or three writes between two looks: the file system may give a later file the place of an earlier one.
    for (let write = 0; write <= round % 3; write++)
      await other.ask(`put vol-1 name-${round}-${write}`)
    expect(ledger.get('vol-1')?.volume.name).toBe(`name-${round}-${round % 3}`)
    expect(ledger.all()).toHaveLength(1)
  }
  await other.ask('delete vol-1')
  expect(ledger.get('vol-1')).toBeUndefined()
}

describe('what another process writes', () => {
  test('is seen at once', () => expectAllSeen(world.folder('ledger')))

  test('is seen in the next turn where it follows within one tick of the clock', async () => {
    const folder = world.folder('ledger')
    const ledger = new FileLedger(folder, logger)
    for (let round = 0; round < 300; round++) {
      const text = JSON.stringify(record('vol-1', `name-${round}`))
      rmSync(path.join(folder, 'vol-1.json'), { force: true })
      writeFileSync(path.join(folder, 'vol-1.json'), text)
      expect(ledger.get('vol-1')?.volume.name).toBe(`name-${round}`)
      await Promise.resolve()
    }
  })

  test('does not undo what is written here', async () => {
    const folder = world.folder('ledger')
    const ledger = new FileLedger(folder, logger)
    const other = startOn(folder)
    await Promise.all([ledger.put(record('vol-1')), other.ask('put vol-2 theirs')])
    expect(ledger.all().map(({ volume }) => volume.id)).toEqual(['vol-1', 'vol-2'])
  })
})

describe.skipIf(!canMount)(
  'what another process writes, on file systems of their own (root)',
  () => {
    test('is seen at once where file times are whole seconds', { timeout: 60_000 }, async () => {
      const device = await world.formatted('ext4', 16, '-I', '128')
      await expectAllSeen(await world.mount(device, 'mnt'))
    })

    test('is seen at once in memory', async () => {
      await expectAllSeen(await world.mount('tmpfs', 'mnt', '-t', 'tmpfs'))
    })
  },
)

describe.skipIf(!canMount)('a full disk (root)', () => {
  const full = (folder: string) => ({
    code: 'ERR_RESOURCE_EXHAUSTED',
    message: `ledger ${folder} cannot be written: its disk is full, make room there and try again`,
  })

  async function expectOldKept(folder: string): Promise<void> {
    const ledger = new FileLedger(folder, logger)
    await ledger.put(record('vol-1', 'before'))
    await tool('dd', 'if=/dev/zero', `of=${folder}/filler`, 'bs=4096', 'status=none').catch(
      () => {},
    )
    const large = { ...record('vol-1', 'after'), references: manyReferences() }
    await expect(ledger.put(large)).rejects.toMatchObject(full(folder))
    expect(ledger.get('vol-1')?.volume.name).toBe('before')
    expect(new FileLedger(folder, logger).all()).toEqual([record('vol-1', 'before')])
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
    rmSync(path.join(folder, 'filler'))
    await ledger.put(large)
    expect(new FileLedger(folder, logger).get('vol-1')).toEqual(large)
  }

  test('is said, and the record from before stays whole, in memory', async () => {
    await expectOldKept(await world.mount('tmpfs', 'mnt', '-t', 'tmpfs', '-o', 'size=64k'))
  })

  test('is said, and the record from before stays whole, on ext4', async () => {
    const device = await world.formatted('ext4', 1, '-m', '0', '-O', '^has_journal')
    await expectOldKept(await world.mount(device, 'mnt'))
  })

  test('without room for one more file is said too', async () => {
    const folder = await world.mount('tmpfs', 'mnt', '-t', 'tmpfs', '-o', 'nr_inodes=2')
    const ledger = new FileLedger(folder, logger)
    await ledger.put(record('vol-1', 'before'))
    await expect(ledger.put(record('vol-1', 'after'))).rejects.toMatchObject(full(folder))
    expect(new FileLedger(folder, logger).all()).toEqual([record('vol-1', 'before')])
  })
})

function record(id: string, name = id): LedgerRecord {
  const volume = { id, name, sizeGiB: 1, managed: true, labels: {} }
  return { ...newRecord('main', volume, 'boot'), references: manyReferences().slice(0, 1) }
}

function manyReferences(): LedgerRecord['references'] {
  const since = '2024-05-01T12:00:00.000Z'
  return Array.from({ length: 200 }, (_, n) => ({ id: `h-${n}`, count: 1, undelivered: 0, since }))
}
