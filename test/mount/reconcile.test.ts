import { describe, expect, test } from 'vitest'
import type { LedgerRecord } from '../../src/mount/ledger-record.ts'
import { type NextStep, reconcile } from '../../src/mount/reconcile.ts'

const BEFORE = '2024-05-01T12:00:00.000Z'
const NOW = '2024-05-01T13:00:00.000Z'

const parts = {
  attachment: { instanceId: 'here', since: BEFORE, complete: true },
  mount: { mountPoint: '/mnt/data', device: '/dev/x', since: BEFORE, complete: true },
  formatIntent: { fsType: 'xfs', uuid: 'u', attachedSince: BEFORE },
  tool: {
    command: 'mkfs.xfs',
    process: { bootId: 'this', pidNamespace: 'pid:[1]', pid: 7, startTime: '1' },
    since: BEFORE,
  },
  releasing: { since: BEFORE, complete: true },
} as const

const known = { id: 'a', count: 2, undelivered: 0, since: BEFORE }
const undelivered = { id: 'b', count: 1, undelivered: 1, since: BEFORE }
const references = {
  none: [],
  known: [known],
  undelivered: [undelivered],
  both: [known, undelivered],
} as const

const yesNo = [true, false] as const
const combinations = (['this', 'earlier'] as const).flatMap((boot) =>
  yesNo.flatMap((published) =>
    (Object.keys(references) as (keyof typeof references)[]).flatMap((held) =>
      yesNo.flatMap((intent) =>
        yesNo.map((attachment) => ({ boot, published, held, intent, attachment })),
      ),
    ),
  ),
)
type Combination = (typeof combinations)[number]

/** What is left of the references decides first, then what would be lost by a detach, then what was there before the boot. */
function expectedStep({ boot, published, held, intent }: Combination): NextStep {
  const left = boot === 'this' ? held : 'none'
  if (left === 'undelivered' || left === 'both') return 'doubt'
  if (left === 'known') return 'nothing'
  if (intent) return 'wait'
  return boot === 'earlier' && !published ? 'wait' : 'release'
}

function recordOf({ boot, held, intent, attachment }: Combination): LedgerRecord {
  return {
    version: 1,
    service: 'main',
    volume: { id: 'vol-1', name: 'data', sizeGiB: 1, managed: true, labels: {} },
    bootId: boot,
    mount: parts.mount,
    tool: parts.tool,
    releasing: parts.releasing,
    references: references[held],
    ...(attachment ? { attachment: parts.attachment } : {}),
    ...(intent ? { formatIntent: parts.formatIntent } : {}),
  }
}

const atStart = (combination: Combination) =>
  reconcile(recordOf(combination), {
    bootId: 'this',
    published: combination.published,
    now: NOW,
  })

describe('what a server finds at its start', () => {
  test.each(combinations)(
    'boot $boot, published $published, references $held, intent $intent, attachment $attachment',
    (combination) => {
      const { record, next } = atStart(combination)
      const before = recordOf(combination)
      expect(next).toBe(expectedStep(combination))
      expect(record.bootId).toBe('this')
      expect(record.attachment).toEqual(before.attachment)
      expect(record.formatIntent).toEqual(before.formatIntent)
      if (combination.boot === 'this') {
        expect(record).toMatchObject({ mount: parts.mount, tool: parts.tool })
        expect(record.references.map(({ id, count }) => [id, count])).toEqual(
          before.references.map(({ id, count }) => [id, count]),
        )
      } else {
        expect(record).not.toMatchObject({ mount: {} })
        expect([record.tool, record.releasing, record.references]).toEqual([
          undefined,
          undefined,
          [],
        ])
      }
    },
  )

  test('is compared the same way twice: a second start changes nothing more', () => {
    for (const combination of combinations) {
      const once = atStart(combination)
      const again = reconcile(once.record, {
        bootId: 'this',
        published: combination.published,
        now: '2024-05-01T14:00:00.000Z',
      })
      expect(again.record).toEqual(once.record)
    }
  })

  test('only what was never delivered is doubted, from now on', () => {
    const doubted = atStart({
      boot: 'this',
      published: true,
      held: 'both',
      intent: false,
      attachment: true,
    })
    expect(doubted.record.references).toEqual([known, { ...undelivered, doubtedSince: NOW }])
  })

  test('is not changed in the record that was read', () => {
    for (const combination of combinations) {
      const before = recordOf(combination)
      const copy = structuredClone(before)
      reconcile(before, { bootId: 'this', published: true, now: NOW })
      expect(before).toEqual(copy)
    }
  })
})
