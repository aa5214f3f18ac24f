import { expect, test } from 'vitest'
import { identifySelf } from '../../../src/libstorage/process-identity.ts'
import { eventually } from '../../support/eventually.ts'
import { MortalMachine } from '../../support/mortal-machine.ts'
import { mounted } from '../../support/mount-world.ts'
import { mayTake, TwoMachines } from '../../support/two-machines.ts'

const GIB = 2 ** 30
const AT_ONCE = 8

/** What was pending on the machine that has the volume when it is taken. */
type Pending =
  | 'nothing'
  | 'a growth of its file system'
  | 'a snapshot'
  | 'a growth that was cut short'

/** The volume `data` is in use on a machine whose server died over something. */
async function prepare(machines: TwoMachines, pending: Pending): Promise<string> {
  const { id, manager } = await machines.mountedThere()
  await manager.close()
  const ledger = machines.there.ledger()
  const record = ledger.get(id)
  if (record === undefined) throw new Error('nothing is recorded')
  const since = new Date().toISOString()
  const dead = { ...identifySelf(), pid: 999_999_999 }
  if (pending === 'a snapshot')
    await ledger.put({ ...record, tool: { command: 'fsfreeze', process: dead, since } })
  if (pending === 'a growth that was cut short') {
    const { mount: _, ...unmounted } = record
    await machines.unmountThere()
    const tool = { command: 'resize2fs', process: dead, since }
    await ledger.put({ ...unmounted, references: [], growing: { since }, tool })
  }
  return id
}

/** Lets file systems of this machine be smaller than their devices until they are grown. */
function leaveUnfilled({ here }: TwoMachines): string[] {
  const grown: string[] = []
  const { kernel } = here
  const grow = kernel.grow.bind(kernel)
  kernel.unfilled = async () => (grown.length > 0 ? 0 : GIB)
  kernel.grow = async (target) => {
    await grow(target)
    grown.push(target.device)
  }
  return grown
}

/** Takes the volume over; the process that does dies at this step, and the next one is asked again. Resolves with its steps. */
async function takeOver(pending: Pending, dieAt: number): Promise<readonly string[]> {
  const machines = new TwoMachines()
  try {
    const { here, there } = machines
    const id = await prepare(machines, pending)
    const disk = here.disks.of(id)
    const isGrowth = pending === 'a growth of its file system'
    const grown = isGrowth ? leaveUnfilled(machines) : []
    const mortal = new MortalMachine(here, dieAt)
    const first = machines.server(true, { preemptGraceMs: 20 })
    const outcome = await mounted(first, 'data', 'a').catch((error: unknown) => String(error))
    await first.close()
    mortal.bury()
    const next = machines.server(true, { preemptGraceMs: 20 })
    next.start()
    if (mortal.isDead) await mounted(next, 'data', 'a')
    else expect(outcome).toBe('/mnt/data/data')
    const returned = there.manager('server', mayTake(false))
    returned.start()
    await expectTaken(machines, id)
    expect(here.disks.of(id)).toEqual(disk)
    if (isGrowth) expect(grown).toHaveLength(1)
    await next.unmount({ name: 'data', holder: 'a' })
    await eventually(() => expect(machines.holder()).toBeUndefined(), { interval: 5 })
    expect(here.ledger().all()).toEqual([])
    return mortal.steps
  } finally {
    await machines.end()
  }
}

/** The volume is here alone, and the other machine knows that it lost it. */
async function expectTaken(machines: TwoMachines, id: string): Promise<void> {
  const { here, there } = machines
  expect(machines.holder()).toBe('here')
  expect(here.isMounted('data')).toBe(true)
  const { takeOver: taking, tool, growing, mount } = here.ledger().get(id) ?? {}
  expect({ taking, tool, growing, mount }).toMatchObject({ mount: { complete: true } })
  expect([taking, tool, growing]).toEqual([undefined, undefined, undefined])
  await eventually(
    () => {
      expect(there.isMounted('data')).toBe(false)
      const record = there.ledger().get(id)
      expect([record?.mount, record?.attachment, record?.tool]).toEqual([
        undefined,
        undefined,
        undefined,
      ])
    },
    { interval: 5 },
  )
  expect(machines.holder()).toBe('here')
  expect(here.isMounted('data')).toBe(true)
}

test.each<Pending>([
  'nothing',
  'a growth of its file system',
  'a snapshot',
  'a growth that was cut short',
])(
  'whatever step a server dies at that takes over a volume with %s pending, the next one finishes it',
  async (pending) => {
    const steps = await takeOver(pending, Number.POSITIVE_INFINITY)
    expect(steps.length).toBeGreaterThan(8)
    const failures: string[] = []
    const waiting = steps.map((what, index) => ({ what, step: index + 1 }))
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { step, what } = next
        await takeOver(pending, step).catch((error: unknown) => {
          failures.push(`${step} (${what}): ${error}`)
        })
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    expect(failures).toEqual([])
  },
  60_000,
)
