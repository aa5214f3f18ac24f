import { describe, expect, test } from 'vitest'
import {
  type Done,
  type HolderState,
  nextStep,
  stepsFor,
} from '../../../src/mount/take-over/policy.ts'

const NOTHING_DONE: Done = { waited: false, detachAsked: false, graceOver: false, stopAsked: false }
const policies = [false, true, 'dead', 'fence'] as const

describe('the steps by which a volume is taken from a machine that is', () => {
  const table: Readonly<Record<HolderState, readonly [string, string, string, string]>> = {
    gone: ['wait detach', 'wait detach', 'wait detach', 'wait detach'],
    stopped: ['refuse', 'detach', 'detach', 'detach'],
    stopping: ['wait refuse', 'stopped detach', 'stopped detach', 'stopped detach'],
    leaving: ['wait refuse', 'grace force', 'wait refuse', 'wait stop stopped detach'],
    running: ['wait refuse', 'wait detach grace force', 'wait refuse', 'wait stop stopped detach'],
  }
  const cells = Object.entries(table).flatMap(([holder, row]) =>
    policies.map((policy, index) => [holder as HolderState, policy, row[index] ?? ''] as const),
  )

  test.each(cells)('%s, under %s, are: %s', (holder, policy, steps) => {
    expect(stepsFor(holder, policy).join(' ')).toBe(steps)
  })

  test.each(policies.filter((policy) => policy !== true))('force is no step under %s', (policy) => {
    const holders = Object.keys(table) as HolderState[]
    expect(holders.flatMap((holder) => stepsFor(holder, policy))).not.toContain('force')
  })
})

describe('the next step', () => {
  const steps = stepsFor('running', true)

  test.each<[Partial<Done>, string | undefined]>([
    [{}, 'wait'],
    [{ waited: true }, 'detach'],
    [{ waited: true, detachAsked: true }, 'grace'],
    [{ waited: true, detachAsked: true, graceOver: true }, 'force'],
    [{ waited: true, graceOver: true }, 'detach'],
  ])('after %j is %s where force is allowed', (done, expected) => {
    expect(nextStep(steps, { ...NOTHING_DONE, ...done })).toBe(expected)
  })

  test.each<[HolderState, Partial<Done>, string | undefined]>([
    ['running', { waited: true }, 'stop'],
    ['running', { waited: true, stopAsked: true }, 'stopped'],
    ['stopping', { waited: true, stopAsked: true }, 'stopped'],
    ['stopped', { waited: true, stopAsked: true }, 'detach'],
    ['stopped', { waited: true, stopAsked: true, detachAsked: true }, undefined],
  ])(
    'about a machine that is %s, after %j, is %s where it is stopped first',
    (holder, done, expected) => {
      expect(nextStep(stepsFor(holder, 'fence'), { ...NOTHING_DONE, ...done })).toBe(expected)
    },
  )
})
