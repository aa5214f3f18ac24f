import { expect, test } from 'vitest'
import type { PreemptPolicy } from '../../../src/mount/settings.ts'
import type { Holder } from '../../../src/mount/take-over/holder.ts'
import type { HolderState } from '../../../src/mount/take-over/policy.ts'
import { foresee, type MountedFrom, type Prospect } from '../../../src/mount/take-over/prospect.ts'
import { anAttachment, aVolume, HERE } from '../../support/a-volume.ts'

const NOW = Date.parse('2024-05-06T07:08:09Z')
const POLICIES: readonly PreemptPolicy[] = [false, true, 'dead', 'fence']

function held(state: HolderState, more: Partial<MountedFrom> = {}): MountedFrom {
  const attachment = anAttachment('vol-pg', { instanceId: 'i-other' })
  const holder: Holder = { id: 'i-other', attachment, state }
  const volume = aVolume({ name: 'pg', attachments: [attachment] })
  const demand = { preempt: false, forced: false } as const
  return { volume, here: HERE, holder, lost: undefined, demand, canStop: true, now: NOW, ...more }
}

test.each<{ state: HolderState; kinds: readonly Prospect['kind'][] }>([
  { state: 'gone', kinds: ['take', 'take', 'take', 'take'] },
  { state: 'stopped', kinds: ['refuse', 'take', 'take', 'take'] },
  { state: 'stopping', kinds: ['refuse', 'take', 'take', 'take'] },
  { state: 'leaving', kinds: ['refuse', 'take', 'refuse', 'take'] },
  { state: 'running', kinds: ['refuse', 'take', 'refuse', 'take'] },
])('of a $state holder it ends under the four policies in $kinds', ({ state, kinds }) => {
  const seen = POLICIES.map((preempt) =>
    foresee(held(state, { demand: { preempt, forced: false } })),
  )

  expect(seen.map(({ kind }) => kind)).toEqual(kinds)
})

test.each([
  { ageMs: 299_000, forced: false, kind: 'refuse' },
  { ageMs: 301_000, forced: false, kind: 'take' },
  { ageMs: 0, forced: true, kind: 'take' },
])('what was lost $ageMs ms ago, forced $forced, is $kind', ({ ageMs, forced, kind }) => {
  const lost = { at: new Date(NOW - ageMs).toISOString() }
  const demand = { preempt: true, forced } as const

  expect(foresee(held('running', { lost, demand })).kind).toBe(kind)
})

test('what another system manages is left to the machine that has it, under every policy', () => {
  const { volume, ...rest } = held('stopped')
  const managed = { ...volume, managedBy: 'Kubernetes' }
  const seen = POLICIES.map((preempt) =>
    foresee({ ...rest, volume: managed, demand: { preempt, forced: true } }),
  )

  expect(new Set(seen.map(({ kind }) => kind))).toEqual(new Set(['refuse']))
  expect(seen[0]?.because).toContain('is managed by Kubernetes and attached to i-other')
})

test('a volume in the state error, or with Multi-Attach, is refused in the words of that', () => {
  const broken = aVolume({ name: 'pg', state: 'error', problem: 'has lost its disk' })
  const shared = aVolume({ name: 'pg', multiAttach: true })
  const free = { holder: undefined }

  expect(foresee({ ...held('running'), ...free, volume: broken })).toMatchObject({
    kind: 'refuse',
    because: 'volume "pg" has lost its disk',
  })
  expect(foresee({ ...held('running'), ...free, volume: shared })).toMatchObject({
    kind: 'refuse',
    because: expect.stringContaining('Multi-Attach'),
  })
})

test.each([
  { state: 'attached', because: 'it is attached here already' },
  { state: 'detaching', because: 'its detach is finished first, then it is attached anew' },
] as const)('one that is $state here goes on: $because', ({ state, because }) => {
  const volume = aVolume({ name: 'pg', attachments: [anAttachment('vol-pg', { state })] })

  expect(foresee({ ...held('running'), holder: undefined, volume })).toEqual({
    kind: 'here',
    steps: [],
    because,
  })
})
