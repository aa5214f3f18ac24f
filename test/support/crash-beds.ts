import { EbsMachines } from './ebs-machines.ts'
import { realDelays } from './ec2/delays.ts'
import { type Expected, expectNothingLeft } from './leftovers.ts'
import { eventually, Machine } from './machine.ts'

/** A machine with a configured service, whose volume lives and whose server dies, and the platform behind it. */
export interface CrashBed {
  readonly machine: Machine
  /** Throws what the platform may never show, whatever is under way. */
  check(): void
  /** Whether all that the platform shows attached to the machine is in the machine's own ledger. */
  knowsAttachments(): boolean
  /** Whether the platform has the volume attached to anything. */
  isAttached(): boolean
  /** Waits until nothing is left of the volume, here and on the platform; throws what is. */
  expectNothingLeft(expected: Expected): Promise<void>
  end(): Promise<void>
}

/** A machine that serves loop devices, which has no platform but itself. */
export async function loopBed(fsType: string): Promise<CrashBed> {
  const machine = await Machine.start()
  const operations = {
    create: { default: { fsType } },
    unmount: { detachDelay: '0s' },
  }
  const libstorage = { service: 'loop', integration: { volume: { operations } } }
  machine.write('etc/config.yml', JSON.stringify({ libstorage }))
  return {
    machine,
    check: () => {},
    knowsAttachments: () => true,
    isAttached: () => machine.loops().length > 0,
    expectNothingLeft: (expected) => expectNothingLeft(machine, expected),
    end: () => machine.end(),
  }
}

/** By then a Create has waited for its volume: what it answered for is shown by name. */
const USUAL_TAG_LAG_MS = 1_000

/** An instance of a simulated region, whose look-ups lag as EC2's, those by name so many milliseconds. */
export async function ebsBed(fsType: string, tagLag = USUAL_TAG_LAG_MS): Promise<CrashBed> {
  const machines = await EbsMachines.open({
    factor: 0.05,
    delays: { lag: realDelays.lag, tagLag },
  })
  const { simulator } = machines
  const { region } = simulator
  const host = await machines.add({ fsType })
  const { machine, instance } = host
  const ours = () => region.volumes.all().filter(({ tags }) => tags['Name'] !== undefined)
  const check = () => {
    // Each client token stands for a volume that was made: a second one is a second volume.
    if (ours().length > 1 || region.tokens.size > 1)
      throw new Error(`there are two volumes: ${JSON.stringify(ours())}`)
  }
  return {
    machine,
    check,
    knowsAttachments: () =>
      machines.holders().every((id) => host.record()?.attachment?.instanceId === id),
    isAttached: () => machines.holders().length > 0,
    async expectNothingLeft(expected) {
      await expectNothingLeft(machine, expected)
      check()
      await eventually('the volume to be gone', () => ours().length === 0, 5_000)
      const attached = region.attachmentsOf(instance.id).filter((one) => !one.deleteOnTermination)
      if (attached.length > 0) throw new Error(`left attached: ${JSON.stringify(attached)}`)
    },
    end: () => machines.end(),
  }
}
