import { describe, expect, test } from 'vitest'
import { identifySelf } from '../../src/libstorage/process-identity.ts'
import type { Volume } from '../../src/libstorage/types.ts'
import {
  factsOf,
  isWorthKeeping,
  type LedgerRecord,
  ledgerRecordSchema,
  newRecord,
  recordedAttachment,
  rememberedVolume,
} from '../../src/mount/ledger-record.ts'

const AT = '2024-05-01T12:00:00.000Z'
const volume: Volume = {
  id: 'vol-1',
  name: 'data',
  zone: 'zone-a',
  sizeGiB: 4,
  type: 'gp3',
  iops: 3_000,
  encrypted: true,
  madeFrom: 'snapshot',
  managed: true,
  state: 'available',
  attachments: [],
  createdAt: new Date(AT),
  labels: { fstype: 'xfs' },
}
const empty: LedgerRecord = newRecord('main', factsOf(volume), 'boot')
const full: LedgerRecord = {
  ...empty,
  attachment: { instanceId: 'here', since: AT },
  mount: { mountPoint: '/mnt/data', device: '/dev/x', since: AT, complete: true },
  formatIntent: { fsType: 'xfs', uuid: 'u', attachedSince: AT },
  growing: { since: AT },
  tool: { command: 'mkfs.xfs', process: identifySelf(), since: AT },
  references: [{ id: '', count: 1, undelivered: 1, since: AT, doubtedSince: AT }],
  releasing: { since: AT },
}
const throughFile = (record: LedgerRecord): unknown =>
  ledgerRecordSchema.parse(JSON.parse(JSON.stringify(record)))

describe('a record', () => {
  test.each([
    ['that says nothing yet', empty],
    ['that says all there is to say', full],
  ])('%s comes back from its file as it was', (_title, record) => {
    expect(throughFile(record)).toEqual(record)
  })

  test('of the least that a platform tells comes back too', () => {
    const least = { id: 'x', name: '', sizeGiB: 0, managed: false, labels: {} }
    const record = newRecord('main', least, 'boot')
    expect(throughFile(record)).toEqual(record)
  })

  test.each([
    ['of another version', { ...empty, version: 2 }],
    ['without an id', { ...empty, volume: { ...empty.volume, id: '' } }],
    [
      'with a reference that counts nothing',
      { ...full, references: [{ ...full.references[0], count: 0 }] },
    ],
    ['with a time that is none', { ...full, releasing: { since: 'yesterday' } }],
    ['without references', { ...empty, references: undefined }],
  ])('%s is none', (_title, record) => {
    expect(ledgerRecordSchema.safeParse(JSON.parse(JSON.stringify(record))).success).toBe(false)
  })

  test.each([
    ['attachment', true],
    ['mount', true],
    ['tool', true],
    ['growing', true],
    ['references', true],
    ['releasing', false],
    ['formatIntent', false],
  ] as const)('with nothing but %s is worth keeping: %s', (key, worth) => {
    expect(isWorthKeeping(empty)).toBe(false)
    expect(isWorthKeeping({ ...empty, [key]: full[key] })).toBe(worth)
  })
})

describe('a volume that the ledger remembers', () => {
  test('is the one that was looked up', () => {
    expect(rememberedVolume(empty)).toEqual(volume)
  })

  test('is attached here where the record knows since when', () => {
    const attachment = {
      volumeId: 'vol-1',
      instanceId: 'here',
      state: 'attached',
      since: new Date(AT),
    }
    expect(recordedAttachment(full)).toEqual(attachment)
    expect(rememberedVolume(full)).toEqual({
      ...volume,
      state: 'in-use',
      attachments: [attachment],
    })
  })

  test('is not known to be attached while the reply to the attach is missing', () => {
    const asked = { ...empty, attachment: { instanceId: 'here' } }
    expect(recordedAttachment(asked)).toBeUndefined()
    expect(rememberedVolume(asked).state).toBe('available')
  })
})
