import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Engine, image } from '../dockerd.ts'
import { Ec2Simulator } from '../ec2/simulator.ts'
import { eventually } from '../machine.ts'
import { RexRayHost } from './host.ts'
import type { Layout } from './layouts.ts'
import { RexRayStandIn } from './stand-in.ts'

/** A Docker host with containers on volumes that one version of REX-Ray made and mounted. */
export class SwitchedHost {
  readonly simulator: Ec2Simulator
  readonly host: RexRayHost
  readonly engine: Engine
  readonly rexray: RexRayStandIn
  readonly #layout: Layout

  private constructor(simulator: Ec2Simulator, host: RexRayHost, layout: Layout) {
    this.simulator = simulator
    this.host = host
    this.#layout = layout
    this.engine = new Engine(host.machine)
    this.rexray = new RexRayStandIn(simulator, host, layout.ways)
  }

  /** Launches it, with REX-Ray and the engine at work; `end` must be called however the test ends. */
  static async launch(layout: Layout): Promise<SwitchedHost> {
    const simulator = await Ec2Simulator.start({ factor: 0.1, disks: 'loop' })
    const host = await RexRayHost.launch(simulator, layout.files)
    const launched = new SwitchedHost(simulator, host, layout)
    try {
      await launched.rexray.listen()
      await launched.engine.start()
      return launched
    } catch (error) {
      await launched.end()
      throw error
    }
  }

  /** REX-Ray ends, and leaves what its version does. */
  async endRexRay(): Promise<void> {
    await this.rexray.stop({ leavesSocket: this.#layout.wasKilled })
    this.simulator.takeCounts()
  }

  /** Starts a container that counts in a file of its own, and goes on where it was when it is started again. */
  async startCounter(container: string, volume: string): Promise<void> {
    const log = `/data/${container}`
    const count = `while :; do n=$((n+1)); echo $n >> ${log}; sleep 0.2; done`
    const script = `touch ${log}; n=$(wc -l < ${log}); ${count}`
    const flags = ['-d', '--network', 'none', '--stop-timeout', '1', '--name', container]
    const mount = ['--volume-driver', 'rexray', '-v', `${volume}:/data`]
    await this.engine.docker('run', ...flags, ...mount, image, 'sh', '-c', script)
    await this.goesOn(container)
  }

  /** How far a container has counted. Throws where a number is missing: it was written and lost. */
  async counted(container: string): Promise<number> {
    const text = await this.engine.docker('exec', container, 'cat', `/data/${container}`)
    const lines = text.split('\n').filter((line) => line !== '')
    const gap = lines.findIndex((line, index) => line !== String(index + 1))
    if (gap >= 0) throw new Error(`${container} has "${lines[gap]}" in line ${gap + 1}`)
    return lines.length
  }

  /** Waits until a container has written more than it had. */
  async goesOn(container: string): Promise<void> {
    const before = await this.counted(container)
    const isFurther = async () => (await this.counted(container)) > before
    await eventually(`${container} to go on`, isFurther)
  }

  /** Whether EC2 has the volume attached to anything. */
  isAttached(volume: string): boolean {
    return this.simulator.named(volume).some(({ attachments }) => attachments.length > 0)
  }

  /** Where the host has volumes mounted, sorted; each as often as it is. */
  async mountPoints(): Promise<string[]> {
    const mounts = await this.host.sh('cat /proc/self/mountinfo')
    return mounts
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((point) => /^\/var\/lib\/(rexray|libstorage)\//.test(point))
      .sort()
  }

  /** What all files that the version left would have to be changed for. */
  filesDigest(): string {
    const hash = createHash('sha256')
    for (const file of Object.keys(this.#layout.files).filter((name) => name.startsWith('/etc/')))
      hash.update(readFileSync(this.host.path(file)))
    return hash.digest('hex')
  }

  async end(): Promise<void> {
    await this.rexray.stop()
    await this.host.machine.end()
    await this.simulator.close()
  }
}
