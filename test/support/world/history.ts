import fc from 'fast-check'
import type { WorldNature } from './world.ts'

/** One thing that happens in a world. `m` counts machines from 0, `ms` are milliseconds. */
export type Action =
  | { readonly act: 'run'; readonly m: number; readonly volume: string }
  | {
      readonly act: 'run briefly'
      readonly m: number
      readonly volume: string
      readonly ms: number
    }
  | { readonly act: 'stop'; readonly m: number; readonly volume: string }
  | { readonly act: 'copy'; readonly m: number; readonly volume: string }
  | { readonly act: 'move'; readonly m: number; readonly to: number; readonly volume: string }
  | { readonly act: 'remove'; readonly m: number; readonly volume: string }
  | { readonly act: 'look'; readonly m: number; readonly volume: string }
  | { readonly act: 'shell'; readonly m: number; readonly volume: string; readonly ms: number }
  | { readonly act: 'command mount'; readonly m: number; readonly volume: string }
  | { readonly act: 'command unmount'; readonly m: number; readonly volume: string }
  | { readonly act: 'grow'; readonly m: number; readonly volume: string }
  | { readonly act: 'force'; readonly m: number; readonly volume: string }
  | {
      readonly act: 'die'
      readonly m: number
      readonly moments: number
      readonly tree: boolean
      readonly ms: number
    }
  | { readonly act: 'restart'; readonly m: number }
  | { readonly act: 'kill docker'; readonly m: number }
  | { readonly act: 'reboot'; readonly m: number; readonly ms: number }
  | { readonly act: 'hang'; readonly m: number; readonly ms: number }
  | { readonly act: 'halt'; readonly m: number }
  | { readonly act: 'boot'; readonly m: number }
  | { readonly act: 'terminate'; readonly m: number }
  | { readonly act: 'cut'; readonly m: number; readonly ms: number }
  | { readonly act: 'lose'; readonly m: number; readonly ms: number }
  | { readonly act: 'break off'; readonly m: number }
  | { readonly act: 'rush'; readonly volume: string }
  | { readonly act: 'late'; readonly ms: number }
  | { readonly act: 'pull'; readonly volume: string }

/** An action, and how long it is until the next one. */
export interface Step {
  readonly action: Action
  readonly thenMs: number
}

/** All that a run of a world depends on. */
export interface History extends WorldNature {
  readonly steps: readonly Step[]
}

// What is drawn most often is what machines meet at.
const m = fc.constantFrom(0, 1, 0, 1, 2)
const volume = fc.constantFrom('data', 'data', 'data', 'logs')
const pause = fc.constantFrom(10, 100, 1_000, 5_000, 15_000, 40_000, 130_000)

const actions: readonly fc.WeightedArbitrary<Action>[] = [
  { weight: 14, arbitrary: fc.record({ act: fc.constant('run' as const), m, volume }) },
  { weight: 8, arbitrary: fc.record({ act: fc.constant('stop' as const), m, volume }) },
  { weight: 5, arbitrary: fc.record({ act: fc.constant('move' as const), m, to: m, volume }) },
  {
    weight: 7,
    arbitrary: fc.record({
      act: fc.constant('die' as const),
      m,
      moments: fc.integer({ min: 1, max: 60 }),
      tree: fc.boolean(),
      ms: pause,
    }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('restart' as const), m }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('copy' as const), m, volume }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('remove' as const), m, volume }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('look' as const), m, volume }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('lose' as const), m, ms: pause }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('break off' as const), m }) },
  {
    weight: 2,
    arbitrary: fc.record({ act: fc.constant('run briefly' as const), m, volume, ms: pause }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('hang' as const), m, ms: pause }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('cut' as const), m, ms: pause }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('reboot' as const), m, ms: pause }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('shell' as const), m, volume, ms: pause }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('kill docker' as const), m }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('halt' as const), m }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('boot' as const), m }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('terminate' as const), m }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('pull' as const), volume }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('rush' as const), volume }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('late' as const), ms: pause }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('command mount' as const), m, volume }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('command unmount' as const), m, volume }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('force' as const), m, volume }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('grow' as const), m, volume }) },
]

/** Histories under these policies, which shrink to few actions, short pauses and no delays of chance. */
export function histories(
  policies: readonly WorldNature['policy'][],
  maxLength = 24,
): fc.Arbitrary<History> {
  return fc.record({
    policy: fc.constantFrom(...policies),
    machines: fc.constantFrom(1, 2, 2, 3),
    lagMs: fc.constantFrom(0, 2_000),
    pulls: fc.boolean(),
    ignoresUsedCount: fc.constantFrom(false, false, false, true),
    seed: fc.nat(1_000_000),
    steps: fc.array(fc.record({ action: fc.oneof(...actions), thenMs: pause }), { maxLength }),
  })
}

/** An action as a line of a story. */
export function tell(action: Action): string {
  const who = 'm' in action ? `m${action.m + 1}: ` : 'platform: '
  const { act, m: _m, ...rest } = { m: 0, ...action }
  const details = Object.entries(rest).map(([key, value]) => `${key} ${value}`)
  return `${who}${act}${details.length > 0 ? ` (${details.join(', ')})` : ''}`
}
