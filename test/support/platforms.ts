import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { becomeInstance, ebsConfiguration } from './ec2/host.ts'
import { Ec2Simulator } from './ec2/simulator.ts'
import { eventually, loopDevices, Machine, outcomeOf } from './machine.ts'

/** A platform on this machine: several machines with servers of their own, and disks that are real. Needs root. */
export interface Platform {
  /** A further machine; nothing runs on it yet. */
  launch(): Promise<PlatformMachine>
  /** How many volumes some machine has. */
  attached(): number
  /** Ends all machines and takes away what they shared; to be called however the test ends. */
  end(): Promise<void>
}

/** One machine of a platform. */
export interface PlatformMachine {
  readonly machine: Machine
  /** What the platform calls it. */
  readonly name: string
  /** Writes the program's configuration: this platform alone, under these settings of `operations`. */
  configure(operations: object): void
  /** Ends everything on it without a word, as a crash does, and lets the platform go on calling it running. */
  crash(): Promise<void>
  /** Ends that; nothing runs on it yet. */
  comeBack(): void
}

/** Machines that share the pool of the loop provider. */
export class LoopPlatform implements Platform {
  readonly #pool = mkdtempSync(join(tmpdir(), 'remora-pool-'))
  readonly #machines: Machine[] = []

  async launch(): Promise<PlatformMachine> {
    const machine = await Machine.start()
    this.#machines.push(machine)
    const name = `machine${this.#machines.length}`
    const loop = { pool: this.#pool, instance: name }
    return {
      machine,
      name,
      configure: (operations) => {
        const libstorage = { service: 'loop', integration: { volume: { operations } } }
        machine.write('etc/config.yml', JSON.stringify({ libstorage, loop }))
      },
      crash: () => machine.killAll(),
      comeBack: () => {},
    }
  }

  attached(): number {
    const size = (device: string) => readFileSync(`/sys/block/${basename(device)}/size`, 'utf8')
    return this.#devices().filter(({ device }) => size(device) !== '0\n').length
  }

  async end(): Promise<void> {
    for (const machine of this.#machines) await machine.end()
    for (const { device } of this.#devices()) await outcomeOf(spawn('losetup', ['-d', device]))
    await eventually('loop devices to be released', () => this.#devices().length === 0)
    rmSync(this.#pool, { recursive: true, force: true })
  }

  /** The loop devices over the pool's files; one that was pulled has the size 0. */
  #devices() {
    return loopDevices().filter(({ file }) => file.startsWith(`${this.#pool}/`))
  }
}

/** Instances of a simulated EC2. */
export class Ec2Platform implements Platform {
  readonly #simulator: Ec2Simulator
  readonly #machines: Machine[] = []

  private constructor(simulator: Ec2Simulator) {
    this.#simulator = simulator
  }

  static async start(): Promise<Ec2Platform> {
    return new Ec2Platform(await Ec2Simulator.start({ factor: 0.1, disks: 'loop' }))
  }

  async launch(): Promise<PlatformMachine> {
    const simulator = this.#simulator
    const instance = await simulator.launch()
    const machine = await Machine.start()
    this.#machines.push(machine)
    await becomeInstance(machine, instance)
    return {
      machine,
      name: instance.id,
      configure: (operations) => {
        const settings = { integration: { volume: { operations } } }
        machine.write('etc/config.yml', ebsConfiguration(simulator, instance, settings))
      },
      crash: async () => {
        await machine.killAll()
        instance.hang()
      },
      comeBack: () => instance.revive(),
    }
  }

  attached(): number {
    const all = this.#simulator.region.volumes.all().flatMap(({ attachments }) => attachments)
    return all.filter(({ deleteOnTermination }) => !deleteOnTermination).length
  }

  async end(): Promise<void> {
    for (const machine of this.#machines) await machine.end()
    await this.#simulator.close()
  }
}
