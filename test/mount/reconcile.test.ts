import { describe, expect, test } from 'vitest'
import { type NextStep, type Reconciled, reconcile } from '../../src/mount/reconcile.ts'
import {
  BEFORE,
  type Combination,
  combinations,
  factsOf,
  known,
  NOW,
  OTHER_TIME,
  recordOf,
  undelivered,
} from '../support/reconcile-combinations.ts'

const compared = (combination: Combination): Reconciled =>
  reconcile(recordOf(combination), factsOf(combination))

/** In this boot a machine may have got another name, but is no copy. */
function isCertain({ attachment, boot }: Pick<Combination, 'attachment' | 'boot'>): boolean {
  return attachment === 'done' || (attachment === 'of another machine' && boot === 'this')
}

/** What was attached by us for certain, and is attached no more as the platform has it. */
function isDenied({ attachment, boot, platform }: Combination): boolean {
  return (
    isCertain({ attachment, boot }) && !['nothing yet', 'here', 'here untold'].includes(platform)
  )
}

const isMissing = ({ place, device, older }: Combination) => place === 'absent' && device && !older

/** The table, first match first. */
const rules: readonly {
  readonly when: (one: Combination) => boolean
  readonly step: NextStep['kind']
}[] = [
  { when: (c) => isDenied(c) && c.device && c.platform !== 'here anew', step: 'ask again' },
  { when: (c) => isDenied(c) && c.place !== 'mounted' && mayBeUsed(c), step: 'lost' },
  { when: (c) => c.boot === 'this' && c.held !== 'nobody' && isMissing(c), step: 'put back' },
  { when: (c) => c.boot === 'this' && ['undelivered', 'both'].includes(c.held), step: 'doubt' },
  { when: (c) => c.boot === 'this' && c.held === 'known', step: 'nothing' },
  { when: (c) => mayBeUsed(c) && (c.place !== 'absent' || c.older), step: 'nothing' },
  { when: (c) => c.intent && keepsAttachment(c) && !isDenied(c), step: 'finish format' },
  { when: (c) => c.boot === 'this', step: 'release' },
  { when: () => true, step: 'release unless mounted' },
]

/** By a reference of this boot, or by somebody unknown: what is mounted and was not recorded is found to be so. */
function mayBeUsed({
  boot,
  held,
  recorded,
  place,
  older,
  platform,
  attachment,
}: Combination): boolean {
  const isRecorded = boot === 'this' && recorded !== 'no mount'
  const isRenewed =
    isCertain({ attachment, boot }) && platform === 'here anew' && place === 'mounted'
  return (
    (boot === 'this' && held !== 'nobody') ||
    (boot === 'this' && recorded === 'adopted mount') ||
    (place === 'mounted' && !isRecorded) ||
    older ||
    isRenewed
  )
}

/** An earlier boot's format intent counts as far as its attachment does, and none where that may be a later one. */
function keepsAttachment({ boot, attachment, platform }: Combination): boolean {
  if (isCertain({ attachment, boot }) && platform === 'here untold') return false
  if (boot === 'this') return true
  if (attachment === 'none') return false
  return attachment !== 'of another machine' || platform === 'nothing yet'
}

describe('what a server finds', () => {
  test.each(rules.map(({ step }, index) => ({ step, index })))(
    'is what the table says, rule $index: $step',
    ({ step, index }) => {
      const covered = combinations.filter(
        (one) => rules.findIndex(({ when }) => when(one)) === index,
      )
      expect(covered.length).toBeGreaterThan(0)
      const wrong = covered.filter((one) => compared(one).next.kind !== step)
      expect(wrong.slice(0, 3).map((one) => ({ ...one, got: compared(one).next.kind }))).toEqual([])
    },
  )

  test('changes nothing more when it is looked at again', () => {
    for (const one of combinations) {
      const first = compared(one)
      const second = reconcile(first.record, { ...factsOf(one), now: '2024-05-01T14:00:00.000Z' })
      expect(second.record).toEqual(first.record)
      // A format intent and an attachment that are over are over; the rest is told the same way again.
      if (first.next.kind !== 'lost') expect([one, second.next]).toEqual([one, first.next])
    }
  })

  test('gives the same answer for the same facts, and leaves the record that was read alone', () => {
    for (const one of combinations) {
      const before = recordOf(one)
      expect(reconcile(before, factsOf(one))).toEqual(compared(one))
      expect(before).toEqual(recordOf(one))
    }
  })
})

describe('whatever is found', () => {
  const released = combinations.filter((one) => compared(one).next.kind.startsWith('release'))

  test('a volume that somebody else mounted, or uses, is never released', () => {
    for (const one of released) {
      expect([one.older, one.boot === 'this' && one.held !== 'nobody']).toEqual([false, false])
      // What we mounted ourselves for a Mount that was cut short is taken back, nothing else that is mounted.
      const isOurs = one.boot === 'this' && one.recorded === 'mount'
      expect(one.place !== 'mounted' || isOurs).toBe(true)
    }
  })

  test('references of this boot never vanish, those of an earlier one always do', () => {
    for (const one of combinations) {
      const { references } = compared(one).record
      const expected = one.boot === 'this' ? recordOf(one).references : []
      expect(references.map(({ id, count }) => [id, count])).toEqual(
        expected.map(({ id, count }) => [id, count]),
      )
    }
  })

  test('an attachment of another machine is never taken for ours after a reboot', () => {
    for (const one of combinations) {
      if (one.boot === 'this' || one.attachment !== 'of another machine') continue
      const { attachment } = compared(one).record
      expect(attachment?.instanceId).toBe(one.platform === 'nothing yet' ? 'original' : undefined)
    }
  })

  test('an attachment made by hand becomes ours only where it is mounted at its place', () => {
    for (const one of combinations) {
      if (one.platform !== 'here anew' || one.attachment !== 'done') continue
      const { attachment, adopted, formatIntent } = compared(one).record
      expect(attachment?.since === OTHER_TIME).toBe(one.place === 'mounted')
      if (one.place === 'mounted') expect(adopted).toBe(true)
      expect(formatIntent).toBeUndefined()
    }
  })

  test('an attachment of which the platform forgot when it began stays what it was', () => {
    for (const one of combinations) {
      if (one.platform !== 'here untold' || one.attachment !== 'done') continue
      const { attachment, formatIntent } = compared(one).record
      expect([attachment?.since, formatIntent]).toEqual([BEFORE, undefined])
    }
  })

  test('a format is finished only on the attachment for which it was begun', () => {
    for (const one of combinations) {
      const { record, next } = compared(one)
      if (next.kind !== 'finish format') continue
      expect([record.formatIntent, isDenied(one)]).toEqual([recordOf(one).formatIntent, false])
    }
  })

  test('what works is never called lost, and what the platform has not denied neither', () => {
    for (const one of combinations) {
      const { next } = compared(one)
      if (next.kind !== 'lost') continue
      expect([one.place === 'mounted', isDenied(one)]).toEqual([false, true])
      expect(next.to).toEqual(one.platform === 'elsewhere' ? ['there'] : [])
    }
  })

  test('the boot of a record stays what it was until the volume is used again', () => {
    for (const one of combinations) {
      const isFound = one.place === 'mounted' || one.older
      const isOld = one.boot === 'earlier' && !isFound
      expect(compared(one).record.bootId).toBe(isOld ? 'earlier' : 'this')
    }
  })

  test('nothing of an earlier boot is left but the attachment, and what was to be formatted on it', () => {
    for (const one of combinations) {
      if (one.boot === 'this') continue
      const { record } = compared(one)
      expect([record.tool, record.releasing]).toEqual([undefined, undefined])
      expect(record.mount !== undefined).toBe(one.place === 'mounted')
    }
  })
})

const usual: Combination = {
  boot: 'this',
  attachment: 'done',
  recorded: 'mount',
  held: 'both',
  intent: false,
  place: 'mounted',
  device: true,
  older: false,
  platform: 'here',
}

test('only what was never delivered is doubted, from now on', () => {
  const { references } = compared(usual).record
  expect(references).toEqual([known, { ...undelivered, doubtedSince: NOW }])
})

test('an attach whose reply never came gets the time that the platform knows', () => {
  const { attachment } = compared({ ...usual, attachment: 'begun', held: 'nobody' }).record
  expect(attachment).toEqual({ instanceId: 'here', since: BEFORE })
})
