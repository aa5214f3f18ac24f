import { afterEach, describe, expect, test } from 'vitest'
import type { PreemptPolicy } from '../../../src/mount/settings.ts'
import { EbsTakeOverWorld, wishing } from '../../support/ebs-take-over-world.ts'
import type { Delays } from '../../support/ec2/delays.ts'
import { eventually } from '../../support/eventually.ts'

const policies: readonly PreemptPolicy[] = [false, true, 'dead', 'fence']
const never = 600_000

/** How the instance stands that has the volume, and what the table of docs/semantics.md says of that. */
interface Row {
  readonly holder: string
  readonly delays?: Partial<Delays>
  readonly attachWaitMs?: number
  readonly happens: (world: EbsTakeOverWorld) => unknown
  /** What follows once the other machine has seen that, where it is not refused. */
  readonly whenSeen?: (world: EbsTakeOverWorld) => unknown
  /** Under each policy what EC2 is asked for until the volume is here, or the refusal. */
  readonly outcomes: readonly (string | RegExp | undefined)[]
}

let world: EbsTakeOverWorld | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

async function becomes(
  { holder: { instance } }: EbsTakeOverWorld,
  state: ReturnType<typeof instance.state>,
): Promise<void> {
  await eventually(() => expect(instance.state()).toBe(state), { interval: 5 })
}

const settles = ({ holder }: EbsTakeOverWorld) => holder.instance.settle()

const table: readonly Row[] = [
  {
    holder: 'terminated, and EC2 frees its volumes a little later',
    delays: { release: never },
    attachWaitMs: never,
    async happens(at) {
      at.holder.instance.terminate()
      await becomes(at, 'terminated')
    },
    whenSeen: settles,
    outcomes: ['', '', '', ''],
  },
  {
    holder: 'terminated, and EC2 does not free its volumes',
    delays: { release: never },
    async happens(at) {
      at.holder.instance.terminate()
      await becomes(at, 'terminated')
    },
    outcomes: ['detach', 'detach', 'detach', 'detach'],
  },
  {
    holder: 'unknown to EC2, which frees its volumes much later',
    delays: { release: never },
    async happens(at) {
      at.holder.instance.terminate()
      await becomes(at, 'terminated')
      at.holder.instance.forget()
    },
    async whenSeen(at) {
      await eventually(() => expect(at.said()).toBe('detach'))
      at.holder.instance.settle()
    },
    outcomes: ['detach', 'detach', 'detach', 'detach'],
  },
  {
    holder: 'stopped',
    attachWaitMs: never,
    async happens(at) {
      at.holder.instance.stop()
      await becomes(at, 'stopped')
    },
    outcomes: [/which is stopped since \d/, 'detach', 'detach', 'detach'],
  },
  {
    holder: 'stopping',
    delays: { stop: never },
    happens: (at) => at.holder.instance.stop(),
    whenSeen: settles,
    outcomes: [/which is stopping since \d/, 'detach', 'detach', 'detach'],
  },
  {
    holder: 'shutting down',
    delays: { terminate: never },
    happens: (at) => at.holder.instance.terminate(),
    // Between its end and that of its attachments nobody looks.
    whenSeen(at) {
      settles(at)
      settles(at)
    },
    outcomes: [/which is stopping since \d/, '', '', ''],
  },
  {
    holder: 'running, and detaching already what it does not let go',
    async happens(at) {
      at.holder.instance.onHeldDisk('busy')
      await at.detachByHand()
      await eventually(() => expect(at.volume().attachments[0]?.state).toBe('busy'))
    },
    outcomes: [
      /which runs and is letting it go\)/,
      'detach by force',
      /which runs and is letting it go\)/,
      'stop',
    ],
  },
  {
    holder: 'running, and lets a disk be pulled that it uses',
    happens: () => {},
    outcomes: [/\(which runs\)/, 'detach', /\(which runs\)/, 'stop, detach'],
  },
  {
    holder: 'running, and keeps EC2 waiting while it uses the disk',
    happens: (at) => at.holder.instance.onHeldDisk('busy'),
    outcomes: [/\(which runs\)/, 'detach, detach by force', /\(which runs\)/, 'stop, detach'],
  },
  {
    holder: 'running as EC2 sees it, and hangs',
    happens: (at) => at.holder.instance.hang(),
    outcomes: [/\(which runs\)/, 'detach, detach by force', /\(which runs\)/, 'stop, detach'],
  },
  {
    holder: 'starting',
    delays: { boot: never },
    async happens(at) {
      at.holder.instance.stop()
      await becomes(at, 'stopped')
      at.holder.instance.start()
    },
    // What is starting cannot be stopped yet: that is a test of its own.
    outcomes: [/\(which runs\)/, 'detach', /\(which runs\)/, undefined],
  },
]

interface Cell extends Omit<Row, 'outcomes'> {
  readonly preempt: PreemptPolicy
  readonly outcome: string | RegExp
}
const cells = table.flatMap(({ outcomes, ...row }): Cell[] =>
  policies.flatMap((preempt, index) => {
    const outcome = outcomes[index]
    return outcome === undefined ? [] : [{ ...row, preempt, outcome }]
  }),
)

describe('a volume of an instance that is', () => {
  test.each(cells)('$holder, under $preempt', (cell) => play(cell, {}, 20))
})

describe('where look-ups lag behind, a volume of an instance that is', () => {
  const taking = cells.filter(({ preempt }) => preempt === true || preempt === 'fence')
  // As on the real one, a machine waits for longer than EC2 lags.
  test.each(taking)('$holder, under $preempt', (cell) => play(cell, { lag: 60, tagLag: 60 }, 300))
})

/** The one machine has the volume, something happens to it, and the other one mounts. */
async function play(cell: Cell, lags: Partial<Delays>, leastWaitMs: number): Promise<void> {
  const { preempt, attachWaitMs = leastWaitMs, delays, outcome, whenSeen } = cell
  const at = await EbsTakeOverWorld.open({ ...lags, ...delays })
  world = at
  // Where no force is expected a slow machine must not come to it.
  const preemptGraceMs = String(outcome).includes('by force') ? 150 : never
  await at.other.serve(wishing({ preempt, attachWaitMs, preemptGraceMs }))
  const { id } = at.volume()
  await cell.happens(at)
  at.forgetRequests()
  if (typeof outcome === 'string') await expectTaken(at, outcome, whenSeen)
  else await expectRefused(at, outcome)
  expect(at.volume().id).toBe(id)
}

async function expectTaken(
  at: EbsTakeOverWorld,
  outcome: string,
  whenSeen: Row['whenSeen'],
): Promise<void> {
  const { other } = at
  const answer = other.mount('b')
  if (whenSeen !== undefined) {
    await eventually(() => expect(at.looksAtHolder()).toBeGreaterThan(1))
    await whenSeen(at)
  }
  expect(await answer).toEqual({ status: 200, Err: '', Mountpoint: '/mnt/data/data' })
  expect(at.said()).toBe(outcome)
  expect(at.holders()).toEqual([other.instance.id])
  // What the holder wrote is checked and used, and never formatted over.
  expect(other.kernel.effects.map((effect) => effect.split(' ')[0])).toEqual(['check', 'mount'])
}

async function expectRefused(at: EbsTakeOverWorld, outcome: RegExp): Promise<void> {
  const { holder, other } = at
  const { status, Err } = await other.mount('b')
  expect(status).toBe(500)
  expect(Err).toMatch(outcome)
  expect(Err).toContain(`volume "data" is attached to ${holder.instance.id} since `)
  expect(Err).toMatch(
    /stop what uses it there and detach it there, or take it with mount\.preempt or volume mount --force$/,
  )
  expect(at.said()).toBe('')
  expect(at.holders()).toEqual([holder.instance.id])
}
