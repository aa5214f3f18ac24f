import { becomeInstance, ebsConfiguration } from './ec2/host.ts'
import { Ec2Simulator, type SimMachine, type SimulatorOptions } from './ec2/simulator.ts'
import { Machine } from './machine.ts'
import { ServedMachine } from './served-machine.ts'

/** How a machine treats the volumes of the others, and what it makes. */
export interface EbsMachineSettings {
  readonly preempt?: boolean | 'dead' | 'fence'
  /** As configurations write it: `1s`. */
  readonly attachWait?: string
  readonly preemptGrace?: string
  readonly fsType?: string
}

/** An instance, and the machine that it is. */
export class EbsMachine extends ServedMachine {
  readonly instance: SimMachine

  constructor(instance: SimMachine, machine: Machine) {
    super(instance.id, machine, 'ebs')
    this.instance = instance
  }
}

/** A simulated region whose instances are machines on this one, with real disks that only their own kernel shows. */
export class EbsMachines {
  readonly simulator: Ec2Simulator
  readonly #machines: Machine[] = []

  private constructor(simulator: Ec2Simulator) {
    this.simulator = simulator
  }

  /** `end` must be called however the test ends. */
  static async open(options: SimulatorOptions = {}): Promise<EbsMachines> {
    const simulator = await Ec2Simulator.start({ factor: 0.1, ...options, disks: 'loop' })
    return new EbsMachines(simulator)
  }

  /** An instance with its own disks in a namespace where they are those of the kernel; not configured yet. */
  async launch(): Promise<EbsMachine> {
    const instance = await this.simulator.launch()
    const machine = await Machine.start()
    this.#machines.push(machine)
    await becomeInstance(machine, instance)
    return new EbsMachine(instance, machine)
  }

  /** Such an instance, configured. */
  async add(settings: EbsMachineSettings = {}): Promise<EbsMachine> {
    const launched = await this.launch()
    const { fsType = 'ext4', ...mount } = settings
    const operations = {
      create: { default: { fsType } },
      mount: { attachWait: '1s', preemptGrace: '1s', ...mount },
      unmount: { detachDelay: '0s' },
    }
    const configuration = ebsConfiguration(this.simulator, launched.instance, {
      integration: { volume: { operations } },
    })
    launched.machine.write('etc/config.yml', configuration)
    return launched
  }

  /** The ids of all instances that have a volume `data`. */
  holders(): string[] {
    const volumes = this.simulator.named('data')
    return volumes.flatMap(({ attachments }) => attachments.map(({ instanceId }) => instanceId))
  }

  async end(): Promise<void> {
    for (const machine of this.#machines.splice(0)) await machine.end()
    await this.simulator.close()
  }
}
