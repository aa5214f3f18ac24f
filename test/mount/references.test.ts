import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addReference,
  COMMAND_HOLDER,
  deliverReference,
  doubtUndelivered,
  dropDoubted,
  dropReference,
  holderNamed,
  mayBeStale,
  PODMAN_HOLDER,
  type Reference,
  trustDoubted,
  withdrawReference,
} from '../../src/mount/references.ts'

const AT = '2024-05-01T12:00:00.000Z'
const LATER = '2024-05-01T12:05:00.000Z'
type References = readonly Reference[]

const mount = (references: References, id: string) => addReference(references, id, AT)
const delivered = (references: References, id: string) =>
  deliverReference(mount(references, id), id)
const countOf = (references: References, id: string) =>
  references.find((reference) => reference.id === id)?.count ?? 0

const singles = ['', PODMAN_HOLDER, COMMAND_HOLDER]

describe('a holder', () => {
  test('has as many references as it mounted, until each is dropped', () => {
    const twice = delivered(delivered([], 'a'), 'a')
    expect(countOf(twice, 'a')).toBe(2)
    expect(countOf(dropReference(twice, 'a'), 'a')).toBe(1)
    expect(dropReference(dropReference(twice, 'a'), 'a')).toEqual([])
  })

  test.each(singles)('that sends one Unmount for all its Mounts counts once: %j', (id) => {
    expect(countOf(delivered(delivered([], id), id), id)).toBe(1)
    expect(dropReference(delivered(delivered([], id), id), id)).toEqual([])
  })

  test('that has no reference changes nothing when it drops, withdraws or learns', () => {
    const references = delivered([], 'a')
    expect(dropReference(references, 'b')).toBe(references)
    expect(withdrawReference(references, 'b')).toBe(references)
    expect(deliverReference(references, 'b')).toBe(references)
  })

  test.each([
    ['', 'a client that sends no id'],
    [PODMAN_HOLDER, 'Podman'],
    ['cli', 'the command line'],
    ['short', 'mount id short'],
    ['0123456789abcdef', 'mount id 0123456789ab'],
  ])('is named in a message: %j', (id, named) => {
    expect(holderNamed(id)).toBe(named)
  })

  test('may be stale only where its client counts for it and may forget', () => {
    expect(
      [...singles, 'a'].map((id) => mayBeStale({ id, count: 1, undelivered: 0, since: AT })),
    ).toEqual([false, false, false, true])
  })
})

describe('a reply that does not reach its caller', () => {
  test('takes back the reference of that Mount and no other', () => {
    const twice = mount(delivered([], 'a'), 'a')
    expect(withdrawReference(twice, 'a')).toEqual(delivered([], 'a'))
    expect(withdrawReference(mount([], 'a'), 'a')).toEqual([])
  })

  test('leaves the doubt about another one that is under way', () => {
    const twice = mount(mount([], 'a'), 'a')
    expect(withdrawReference(twice, 'a')).toEqual(mount([], 'a'))
  })

  test.each(singles)(
    'takes nothing from a holder that counts once and has learned of it before: %j',
    (id) => {
      const again = mount(delivered([], id), id)
      expect(withdrawReference(again, id)).toEqual(delivered([], id))
    },
  )

  test.each(singles)(
    'takes nothing from the other of two Mounts at once of a holder that counts once: %j',
    (id) => {
      const both = mount(mount([], id), id)
      expect(countOf(deliverReference(withdrawReference(both, id), id), id)).toBe(1)
      expect(countOf(withdrawReference(deliverReference(both, id), id), id)).toBe(1)
      expect(withdrawReference(withdrawReference(both, id), id)).toEqual([])
    },
  )
})

test('what was doubted between a Mount and the delivery of its reply is trusted from then on, and counted on', () => {
  const doubted = doubtUndelivered(mount([], 'a'), AT)
  const trusted = deliverReference(doubted, 'a')
  expect(dropDoubted(trusted)).toEqual(trusted)
  expect(countOf(mount(trusted, 'a'), 'a')).toBe(2)
})

describe('after a crash', () => {
  test('what was not delivered is doubted from then on, and stays so over the next crash', () => {
    const doubted = doubtUndelivered(mount(delivered([], 'a'), 'b'), AT)
    expect(doubted.map(({ id, doubtedSince }) => [id, doubtedSince])).toEqual([
      ['a', undefined],
      ['b', AT],
    ])
    expect(doubtUndelivered(doubted, LATER)).toEqual(doubted)
  })

  test('a repeat with the same id takes the place of the doubted one', () => {
    const repeated = delivered(doubtUndelivered(mount([], 'a'), AT), 'a')
    expect(repeated).toEqual([{ id: 'a', count: 1, undelivered: 0, since: AT }])
  })

  test('each repeat with the same id takes the place of one doubted Mount', () => {
    const both = doubtUndelivered(mount(mount([], 'a'), 'a'), AT)
    expect(countOf(delivered(delivered(both, 'a'), 'a'), 'a')).toBe(2)
    expect(countOf(mount(mount(both, 'a'), 'a'), 'a')).toBe(2)
    expect(countOf(delivered(delivered(delivered(both, 'a'), 'a'), 'a'), 'a')).toBe(3)
  })

  test('a repeat is doubted no more, and what was not repeated still is', () => {
    const both = doubtUndelivered(mount(mount([], 'a'), 'a'), AT)
    const repeated = mount(both, 'a')
    expect(dropDoubted(repeated)).toEqual([{ id: 'a', count: 1, undelivered: 1, since: AT }])
    expect(dropDoubted(deliverReference(repeated, 'a'))).toEqual(delivered([], 'a'))
    expect(dropDoubted(withdrawReference(repeated, 'a'))).toEqual([])
    expect(dropDoubted(doubtUndelivered(repeated, LATER))).toEqual([])
  })

  test('only the undelivered part of a doubted reference is dropped', () => {
    const doubted = doubtUndelivered(mount(mount(delivered([], 'a'), 'a'), 'b'), AT)
    expect(dropDoubted(doubted)).toEqual([{ id: 'a', count: 1, undelivered: 0, since: AT }])
  })

  test('a doubted reference that somebody uses is kept as if it had been delivered', () => {
    const doubted = doubtUndelivered(mount([], 'a'), AT)
    expect(trustDoubted(doubted)).toEqual([{ id: 'a', count: 1, undelivered: 0, since: AT }])
    expect(dropDoubted(trustDoubted(doubted))).toHaveLength(1)
  })
})

const steps = {
  mount: (references: References, id: string) => addReference(references, id, AT),
  deliver: deliverReference,
  drop: dropReference,
  withdraw: withdrawReference,
  crash: (references: References) => doubtUndelivered(references, AT),
  forget: (references: References) => dropDoubted(references),
  trust: (references: References) => trustDoubted(references),
}
function isSound({ id, count, undelivered }: Reference): boolean {
  if (singles.includes(id)) return count === 1 && undelivered >= 0
  return count >= 1 && undelivered >= 0 && undelivered <= count
}
const anyStep = fc.tuple(
  fc.constantFrom(...(Object.keys(steps) as (keyof typeof steps)[])),
  fc.constantFrom('a', 'b', ...singles),
)

describe('whatever happens', () => {
  test('no count is below one, each holder stands there once, and single ones count once', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), (history) => {
        let references: References = []
        for (const [step, id] of history) {
          references = steps[step](references, id)
          expect(references.filter((reference) => !isSound(reference))).toEqual([])
          expect(new Set(references.map((reference) => reference.id)).size).toBe(references.length)
        }
      }),
    )
  })

  test('a step of one holder leaves the others as they are', () => {
    const own = fc.constantFrom('mount', 'deliver', 'drop', 'withdraw' as const)
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 20 }), own, (history, step) => {
        const before = history.reduce((all, [name, id]) => steps[name](all, id), [] as References)
        const others = (all: References) => all.filter(({ id }) => id !== 'a')
        expect(others(steps[step as 'mount'](before, 'a'))).toEqual(others(before))
      }),
    )
  })

  test('as many Unmounts as Mounts leave nothing, in any order of holders', () => {
    const ids = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 30 })
    fc.assert(
      fc.property(ids, fc.infiniteStream(fc.nat()), (holders, order) => {
        let references = holders.reduce(delivered, [] as References)
        const left = [...holders]
        while (left.length > 0) {
          const [id = ''] = left.splice((order.next().value ?? 0) % left.length, 1)
          references = dropReference(references, id)
          expect(references.reduce((sum, { count }) => sum + count, 0)).toBe(left.length)
        }
        expect(references).toEqual([])
      }),
    )
  })
})
