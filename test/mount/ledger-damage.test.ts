import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { leftoverName } from '../../src/libstorage/leftover.ts'
import { FileLedger } from '../../src/mount/ledger.ts'
import { type LedgerRecord, newRecord } from '../../src/mount/ledger-record.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'
import { RecordingLogger } from '../support/recording-logger.ts'

const record: LedgerRecord = {
  ...newRecord(
    'main',
    { id: 'vol-1', name: 'data', sizeGiB: 1, managed: true, labels: {} },
    'boot',
  ),
  references: [{ id: 'a', count: 1, undelivered: 0, since: '2024-05-01T12:00:00.000Z' }],
}

describe('one entry of the ledger that is of no use', () => {
  let folder: string
  let ledger: FileLedger
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'remora-ledger-'))
    ledger = new FileLedger(folder, new RecordingLogger())
    await ledger.put(record)
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test.each<[string, (file: string) => void]>([
    ['a folder', (file) => mkdirSync(file)],
    ['a link to itself', (file) => symlinkSync(path.basename(file), file)],
    ['a link to a folder', (file) => symlinkSync(tmpdir(), file)],
  ])('%s does not hide the records of other volumes', (_, damage) => {
    damage(path.join(folder, 'vol-2.json'))
    expect(new FileLedger(folder, new RecordingLogger()).get('vol-1')).toEqual(record)
  })

  test.skipIf(process.getuid?.() !== 0)(
    'a corrupt file that cannot be put aside does not hide the records of other volumes',
    () => {
      const file = path.join(folder, 'vol-2.json')
      writeFileSync(file, '{')
      execFileSync('chattr', ['+i', file])
      try {
        expect(new FileLedger(folder, new RecordingLogger()).get('vol-1')).toEqual(record)
      } finally {
        execFileSync('chattr', ['-i', file])
      }
    },
  )

  test('that cannot be read hides no record of other volumes', () => {
    symlinkSync('/proc/self/mem', path.join(folder, 'vol-2.json'))
    const later = new FileLedger(folder, new RecordingLogger())
    expect(later.all()).toEqual([record])
    expect(() => later.get('vol-2')).toThrow('cannot be read (EIO)')
  })

  test('the folder itself, taken away while it was in use, comes back with the records that are known', async () => {
    expect(ledger.get('vol-1')).toEqual(record)
    rmSync(folder, { recursive: true })
    expect(ledger.get('vol-1')).toEqual(record)
    rmSync(folder, { recursive: true })
    await ledger.put({ ...record, volume: { ...record.volume, id: 'vol-2' } })
    expect(new FileLedger(folder, new RecordingLogger()).all()).toHaveLength(2)
  })

  test('the record of one volume in the file of another is corrupt', () => {
    copyFileSync(path.join(folder, 'vol-1.json'), path.join(folder, 'vol-2.json'))
    expect(new FileLedger(folder, new RecordingLogger()).get('vol-2')).toBeUndefined()
  })

  test.skipIf(process.getuid?.() !== 0)(
    'a leftover that cannot be deleted does not keep the ledger from being opened',
    () => {
      const dead = { bootId: 'earlier', pidNamespace: 'pid:[1]', pid: 1, startTime: '1' }
      const file = path.join(folder, leftoverName('writing', dead))
      writeFileSync(file, '')
      execFileSync('chattr', ['+i', file])
      try {
        expect(() => new FileLedger(folder, new RecordingLogger())).not.toThrow()
      } finally {
        execFileSync('chattr', ['-i', file])
      }
    },
  )
})

describe('a volume whose record cannot be read', () => {
  let world: MountWorld
  let manager: MountManager
  beforeEach(async () => {
    world = new MountWorld()
    const first = world.manager()
    await first.create('data', {})
    await first.create('other', {})
    const id = world.platform.volumes().find(({ name }) => name === 'other')?.id
    symlinkSync('/proc/self/mem', path.join(world.folder, 'ledger', `${id}.json`))
    manager = world.manager()
  })
  afterEach(() => world.end())

  test('is refused in every call, and in none of another volume', async () => {
    await mounted(manager, 'data', 'a')
    expect(await manager.path('data')).toBeDefined()
    await expect(mounted(manager, 'other', 'a')).rejects.toThrow('cannot be read (EIO)')
    await expect(manager.path('other')).rejects.toThrow('cannot be read (EIO)')
    await expect(manager.unmount({ name: 'other', holder: 'a' })).rejects.toThrow('(EIO)')
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(world.isMounted('data')).toBe(false)
  })
})

describe('a volume whose file holds the record of another one', () => {
  let world: MountWorld
  let manager: MountManager
  beforeEach(async () => {
    world = new MountWorld()
    const first = world.manager()
    await first.create('data', {})
    await first.create('other', {})
    await mounted(first, 'data', 'a')
    await world.age()
    const idOf = (name: string) => world.platform.volumes().find((one) => one.name === name)?.id
    const fileOf = (name: string) => path.join(world.folder, 'ledger', `${idOf(name)}.json`)
    copyFileSync(fileOf('data'), fileOf('other'))
    manager = world.manager()
  })
  afterEach(() => world.end())

  test('is not shown at the place of the other one', async () => {
    expect((await manager.get('other')).mountpoint).toBeUndefined()
  })

  test('is removed without unmounting the other one', async () => {
    await manager.remove('other').catch(() => {})
    expect(world.isMounted('data')).toBe(true)
  })
})
