import path from 'node:path'
import { run } from '../../src/libstorage/run.ts'
import type { Provider, StorageDriver } from '../../src/libstorage/storage-driver.ts'
import type { VolumeSpec } from '../../src/libstorage/types.ts'
import { untilAborted } from '../../src/libstorage/wait.ts'
import { type EbsSettings, ebsSettings } from '../../src/providers/ebs/config.ts'
import { createEbsProvider, type EbsMachine } from '../../src/providers/ebs/index.ts'
import { Ec2Simulator, type SimMachine, type SimulatorOptions } from './ec2/simulator.ts'
import { eventually } from './eventually.ts'

/** How much faster than EC2 the simulated one is. */
const FACTOR = 0.005

/** A simulated region with two machines in one zone, and the provider as each of them has it. */
export class EbsWorld {
  readonly simulator: Ec2Simulator
  readonly here: SimMachine
  readonly there: SimMachine
  /** What the providers said at their start. */
  readonly warnings: string[] = []

  private constructor(simulator: Ec2Simulator, here: SimMachine, there: SimMachine) {
    this.simulator = simulator
    this.here = here
    this.there = there
  }

  /** With look-ups that show everything at once, unless the delays say otherwise. */
  static async open(options: SimulatorOptions = {}): Promise<EbsWorld> {
    const delays = { lag: 0, tagLag: 0, ...options.delays }
    const simulator = await Ec2Simulator.start({ factor: FACTOR, ...options, delays })
    return new EbsWorld(simulator, await simulator.launch(), await simulator.launch())
  }

  /** The provider of a process on a machine; each call is another process. */
  provider(
    machine: SimMachine = this.here,
    settings: Partial<Record<keyof EbsSettings, unknown>> = {},
    rest: Partial<EbsMachine> = {},
  ): Promise<Provider> {
    const { simulator } = this
    const given = ebsSettings.parse({
      accessKey: 'AKIDEXAMPLE',
      secretKey: 'secret',
      endpoint: simulator.endpoint,
      metadataEndpoint: machine.metadata.endpoint,
      statusTimeout: '5s',
      ...settings,
    })
    const context = {
      service: 'ebs',
      libDirectory: path.join(simulator.folder, `${machine.id}-lib`),
      run,
      warn: (message: string) => void this.warnings.push(message),
    }
    const { sysfs, dev } = machine.disks
    return createEbsProvider(given, context, { sysfs: sysfs.root, dev, pace: FACTOR * 2, ...rest })
  }

  close(): Promise<void> {
    return this.simulator.close()
  }
}

/** The provider as a mount uses it: an attach is waited for until the disk is there and EC2 says so too. */
export function patient(provider: Provider): Provider {
  const { driver, executor } = provider
  const attachVolume: StorageDriver['attachVolume'] = async (id, to, options) => {
    const asked = await driver.attachVolume(id, to, options)
    const ready = eventually(async () => {
      const { attachments } = await driver.volume(id, options)
      const attached = attachments.find((one) => one.instanceId === to && one.state === 'attached')
      if (attached === undefined) throw new Error(`${id} is not attached`)
      if (attached.since.getTime() !== asked.since.getTime()) throw new Error('another attachment')
      const isHere = (await executor.instance()).id === to
      if (isHere && (await executor.device(attached)) === undefined) throw new Error('no disk')
      return attached
    })
    return await untilAborted(ready, options?.signal)
  }
  return { ...provider, driver: withAttach(driver, attachVolume) }
}

/** All of a driver but one method. */
function withAttach(
  driver: StorageDriver,
  attachVolume: StorageDriver['attachVolume'],
): StorageDriver {
  return new Proxy(driver, {
    get(whole, name) {
      if (name === 'attachVolume') return attachVolume
      const member: unknown = Reflect.get(whole, name, whole)
      return typeof member === 'function' ? member.bind(whole) : member
    },
  })
}

/** The least that a volume of EBS can be. */
export function ebsSpec(name: string, rest: Partial<VolumeSpec> = {}): VolumeSpec {
  return { name, sizeGiB: 1, labels: {}, ...rest }
}
