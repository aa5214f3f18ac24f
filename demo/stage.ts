import { Engine, image } from '../test/support/dockerd.ts'
import { becomeInstance, ebsConfiguration } from '../test/support/ec2/host.ts'
import { Ec2Simulator } from '../test/support/ec2/simulator.ts'
import { eventually, Machine } from '../test/support/machine.ts'
import { startServer } from '../test/support/server-process.ts'
import { Ending } from './ending.ts'
import { showDocker, showEc2 } from './telling.ts'

/** How long a mount waits for another instance to let go of the volume: short, since here none does. */
const settings = {
  integration: { volume: { operations: { mount: { attachWait: '2s' } } } },
}

/** An instance with Remora and a Docker engine of its own. */
export interface Host {
  readonly name: string
  readonly instanceId: string
  readonly engine: Engine
}

/** A simulated EC2, as slow as the real one, with instances on this machine. Says what is done there, and what comes of it. */
export class Stage {
  readonly #machines: Machine[] = []
  readonly #launches: Promise<Host>[] = []
  readonly #life = new AbortController()
  #simulator: Ec2Simulator | undefined
  readonly #end = new Ending()
  #ending = Promise.resolve()

  /** Resolves when the end was called for. */
  get over(): Promise<void> {
    const { signal } = this.#life
    return new Promise((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve())
    })
  }

  get isOver(): boolean {
    return this.#life.signal.aborted
  }

  async open(): Promise<void> {
    this.#simulator = await Ec2Simulator.start({ disks: 'loop' })
  }

  /** Launches an instance. */
  host(name: string): Promise<Host> {
    const launched = this.#launch(name)
    this.#launches.push(launched)
    return launched
  }

  /** Runs one docker command on an instance, and shows it with all that it says. */
  async docker(host: Host, ...args: readonly string[]): Promise<void> {
    await this.#shown(host, args, 'succeed')
  }

  /** The same for a command that has to fail. */
  async refused(host: Host, ...args: readonly string[]): Promise<void> {
    await this.#shown(host, args, 'fail')
  }

  /** Waits until EC2 has detached the volume. */
  async untilFree(volume: string): Promise<void> {
    await eventually(`${volume} to be free`, () => {
      const [seen] = this.#running().named(volume)
      return seen?.state === 'available'
    })
  }

  /** Shows what EC2 has of a volume, and what it was asked for since it was last shown. */
  showEc2(volume: string): void {
    showEc2(this.#running(), volume)
  }

  /** Ends all that was started, in order; what cannot be ended `close` tells. Repeats do no harm. */
  end(): Promise<void> {
    this.#life.abort()
    this.#ending = this.#ending.then(() => this.#end.all(this.#machines.splice(0)))
    return this.#ending
  }

  /** The end, after which nothing more is started. Rejects with what could not be ended, when all else is. */
  async close(): Promise<void> {
    await this.end()
    await Promise.allSettled(this.#launches)
    // What a launch had begun meanwhile.
    await this.end()
    await this.#end.all([{ end: async () => await this.#simulator?.close() }])
    this.#end.check()
  }

  async #launch(name: string): Promise<Host> {
    const simulator = this.#running()
    const instance = await simulator.launch()
    const machine = await Machine.start({ hasOwnRun: true })
    this.#machines.push(machine)
    this.#running()
    await becomeInstance(machine, instance)
    this.#running()
    machine.write('etc/config.yml', ebsConfiguration(simulator, instance, settings))
    await startServer(machine)
    this.#running()
    const engine = new Engine(machine)
    await engine.start()
    await engine.docker('tag', image, 'busybox')
    return { name, instanceId: instance.id, engine }
  }

  #running(): Ec2Simulator {
    if (this.isOver || this.#simulator === undefined) throw new Error('the demonstration is over')
    return this.#simulator
  }

  async #shown(host: Host, args: readonly string[], expected: 'succeed' | 'fail'): Promise<void> {
    this.#running()
    await showDocker(host, args, expected, () => this.#running())
  }
}
