import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { leftoverName } from '../../src/libstorage/leftover.ts'
import { identifySelf } from '../../src/libstorage/process-identity.ts'
import { FileLedger } from '../../src/mount/ledger.ts'
import { type LedgerRecord, newRecord } from '../../src/mount/ledger-record.ts'
import { RecordingLogger } from '../support/recording-logger.ts'

const AT = '2024-05-01T12:00:00.000Z'

let folder: string
let logger: RecordingLogger
let ledger: FileLedger
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-ledger-'))
  logger = new RecordingLogger()
  ledger = new FileLedger(folder, logger)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function record(id: string, name = id, since = AT): LedgerRecord {
  const volume = { id, name, sizeGiB: 1, managed: true, labels: {} }
  return {
    ...newRecord('main', volume, 'boot'),
    references: [{ id: 'a', count: 1, undelivered: 0, since }],
  }
}
const mounted = (one: LedgerRecord): LedgerRecord => ({
  ...one,
  mount: { mountPoint: '/mnt/x', device: '/dev/x', since: AT, complete: true },
})
/** The same folder, as a process sees it that begins now. */
const reopened = () => new FileLedger(folder, logger)
const fileOf = (id: string) => path.join(folder, `${id}.json`)

describe('a record', () => {
  test('is on disk when the writing has ended, for every later process', async () => {
    await ledger.put(record('vol-1', 'data'))
    expect(reopened().get('vol-1')).toEqual(record('vol-1', 'data'))
  })

  test('is for the eyes of its owner only, and leaves no temporary file', async () => {
    await ledger.put(record('vol-1'))
    expect(readdirSync(folder)).toEqual(['vol-1.json'])
    expect(statSync(fileOf('vol-1')).mode & 0o777).toBe(0o600)
  })

  test('replaces the one before it', async () => {
    await ledger.put(record('vol-1'))
    await ledger.put(mounted(record('vol-1')))
    expect(ledger.all()).toEqual([mounted(record('vol-1'))])
    expect(reopened().all()).toEqual([mounted(record('vol-1'))])
  })

  test('is forgotten for good, and forgetting what is not there is no error', async () => {
    await ledger.put(record('vol-1'))
    await ledger.delete('vol-1')
    await ledger.delete('vol-1')
    expect(ledger.get('vol-1')).toBeUndefined()
    expect(readdirSync(folder)).toEqual([])
  })

  test.each([
    '../../etc/passwd',
    '.',
    '..',
    'a/b',
    'a%2Fb',
    'übersicht 😀',
    'a\nb',
    '.json',
    'CON*?"',
  ])('of the odd id %j has a file of its own in the folder, and comes back', async (id) => {
    await ledger.put(record(id, 'data'))
    await ledger.put(record('vol-1'))
    expect(reopened().get(id)?.volume.id).toBe(id)
    expect(readdirSync(folder)).toHaveLength(2)
    await ledger.delete(id)
    expect(reopened().all()).toEqual([record('vol-1')])
  })

  test('of one id is never that of another', async () => {
    const anyId = fc.string({
      unit: fc.constantFrom('a', '.', '/', '%', '2', 'E', ' '),
      minLength: 1,
    })
    await fc.assert(
      fc.asyncProperty(anyId, anyId, async (one, other) => {
        fc.pre(one !== other)
        await ledger.put(record(one))
        await ledger.delete(other)
        expect(reopened().get(one)?.volume.id).toBe(one)
        await ledger.delete(one)
      }),
      { numRuns: 40 },
    )
  })
})

describe('looking for a name', () => {
  test('finds the exact one first, an id too, and a single one in another letter case', async () => {
    for (const [id, name] of [
      ['vol-1', 'data'],
      ['vol-2', 'Data'],
      ['vol-3', 'Other'],
    ] as const)
      await ledger.put(record(id, name))
    expect(ledger.named('Data')?.volume.id).toBe('vol-2')
    expect(ledger.named('vol-1')?.volume.name).toBe('data')
    expect(ledger.named('oTHER')?.volume.id).toBe('vol-3')
    expect(ledger.exactly('oTHER')).toBeUndefined()
    expect(ledger.named('DATA')).toBeUndefined()
  })

  test('finds of two of one name the one that is mounted', async () => {
    await ledger.put(record('vol-1', 'data'))
    await ledger.put(mounted(record('vol-2', 'data')))
    expect(ledger.named('data')?.volume.id).toBe('vol-2')
  })
})

describe('a file that is not a record', () => {
  test.each([
    '',
    '{',
    'null',
    '[]',
    '{"version":1}',
    '{"version":"1"}',
    '\u0000\u0000',
    '\ufffdELF',
  ])('is put aside, loudly, and nothing else is lost: %j', async (text) => {
    await ledger.put(record('vol-1'))
    writeFileSync(fileOf('vol-2'), text)
    expect(ledger.all()).toEqual([record('vol-1')])
    const aside = readdirSync(folder).find((name) => name.startsWith('vol-2.json.corrupt-')) ?? ''
    expect(readFileSync(path.join(folder, aside), 'utf8')).toBe(text)
    expect(logger.lines).toMatchObject([
      {
        level: 'error',
        message: `ledger file ${fileOf('vol-2')} is corrupt and was put aside as ${aside}; references to its volume are lost, the volume and its data are not`,
        fields: { cause: expect.any(String) },
      },
    ])
  })

  test('that a newer version wrote is refused, and stays where it is', () => {
    writeFileSync(fileOf('vol-1'), JSON.stringify({ ...record('vol-1'), version: 2 }))
    expect(() => ledger.all()).toThrow(
      expect.objectContaining({
        code: 'ERR_FAILED_PRECONDITION',
        message: `ledger file ${fileOf('vol-1')} was written by a newer version of this program (2, this one knows 1), use that version, or a later one`,
      }),
    )
    expect(readdirSync(folder)).toEqual(['vol-1.json'])
  })

  test.each([
    ['a folder', (at: string) => mkdirSync(at)],
    ['a link to itself', (at: string) => symlinkSync('vol-2.json', at)],
    [
      'the record of another volume',
      (at: string) => writeFileSync(at, JSON.stringify(record('vol-3'))),
    ],
    [
      'a record of another service',
      (at: string) => writeFileSync(at, JSON.stringify({ ...record('vol-2'), service: 'other' })),
    ],
  ])('is put aside where it is %s, and stands in the way of no new record', async (_what, put) => {
    put(fileOf('vol-2'))
    const own = new FileLedger(folder, logger, record('vol-2').service)
    expect(own.all()).toEqual([])
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^vol-2\.json\.corrupt-\d+$/)])
    expect(logger.lines).toMatchObject([{ level: 'error' }])
    await own.put(record('vol-2'))
    expect(own.all()).toEqual([record('vol-2')])
  })

  test('but a link that leads nowhere is no record, and is replaced by one', async () => {
    symlinkSync('nowhere', fileOf('vol-1'))
    expect(ledger.all()).toEqual([])
    await ledger.put(record('vol-1'))
    expect(reopened().all()).toEqual([record('vol-1')])
  })

  test('is said once, and stands in the way of no new record', async () => {
    writeFileSync(fileOf('vol-1'), '{')
    ledger.all()
    ledger.all()
    await ledger.put(record('vol-1'))
    expect(reopened().all()).toEqual([record('vol-1')])
    expect(logger.lines).toHaveLength(1)
  })

  test('is not one that cannot be read just now: it stays where it is', () => {
    // Reading it fails with an I/O error, as on a disk that fails.
    symlinkSync('/proc/self/mem', fileOf('vol-1'))
    expect(() => ledger.get('vol-1')).toThrow(
      expect.objectContaining({
        code: 'ERR_UNAVAILABLE',
        message: `ledger file ${fileOf('vol-1')} cannot be read (EIO), mend that and try again`,
      }),
    )
    expect(ledger.isWhole()).toBe(false)
    expect(readdirSync(folder)).toEqual(['vol-1.json'])
    expect(logger.lines).toMatchObject([
      { level: 'error', message: expect.stringMatching(/until then its volume cannot be used$/) },
    ])
  })

  test('is usable again as soon as it can be read', async () => {
    symlinkSync('/proc/self/mem', fileOf('vol-1'))
    expect(ledger.all()).toEqual([])
    rmSync(fileOf('vol-1'))
    writeFileSync(fileOf('vol-1'), JSON.stringify(record('vol-1')))
    await new Promise((resolve) => setImmediate(resolve))
    expect(ledger.all()).toEqual([record('vol-1')])
    expect(ledger.isWhole()).toBe(true)
  })
})

describe('a temporary file', () => {
  test('of a write that was cut short is swept when its writer is dead, and only then', () => {
    const dead = leftoverName('writing', { ...identifySelf(), startTime: '1' })
    const living = leftoverName('writing')
    for (const name of [dead, living]) writeFileSync(path.join(folder, name), '{')
    expect(reopened().all()).toEqual([])
    expect(readdirSync(folder)).toEqual([living])
  })
})
