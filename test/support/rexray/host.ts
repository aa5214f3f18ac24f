import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LoopDisks } from '../ec2/loop-disks.ts'
import type { Ec2Simulator, SimMachine } from '../ec2/simulator.ts'
import { Machine, type Outcome, programPath } from '../machine.ts'
import { programEnvironment, type ServerProcess, startServer } from '../server-process.ts'

/** The folders of a host that are this machine's own: where they are seen, and where they lie below its home. */
const OWN_FOLDERS = [
  ['/etc', 'host/etc'],
  ['/var/lib', 'host/lib'],
  ['/var/log', 'host/log'],
  ['/run', 'run'],
] as const

/** What a version of REX-Ray has written on a host: texts by absolute path. */
export type HostFiles = Readonly<Record<string, string>>

/** An instance of EC2 whose /etc, /var and /run are its own, so that a program without a home of its own takes over what lies there. */
export class RexRayHost {
  readonly instance: SimMachine<LoopDisks>
  readonly machine: Machine
  readonly #simulator: Ec2Simulator

  private constructor(instance: SimMachine<LoopDisks>, machine: Machine, simulator: Ec2Simulator) {
    this.instance = instance
    this.machine = machine
    this.#simulator = simulator
  }

  /** Launches one with these files; `machine.end` must be called however the test ends. */
  static async launch(simulator: Ec2Simulator, files: HostFiles): Promise<RexRayHost> {
    const instance = await simulator.launch()
    if (!isReal(instance)) throw new Error('the disks are not real')
    const machine = await Machine.start()
    const host = new RexRayHost(instance, machine, simulator)
    for (const [, own] of OWN_FOLDERS) mkdirSync(join(machine.home, own), { recursive: true })
    cpSync('/etc', host.path('/etc'), { recursive: true, verbatimSymlinks: true })
    const binds = OWN_FOLDERS.map(([seen, own]) => `mount --bind ${machine.home}/${own} ${seen}`)
    await host.sh([instance.disks.enterScript(), ...binds].join(' && '))
    for (const [file, text] of Object.entries(files)) host.#write(file, text)
    return host
  }

  /** Where a file of the host lies, as this process sees it without its mounts. */
  path(file: string): string {
    const [seen, own] = OWN_FOLDERS.find(([folder]) => file.startsWith(folder)) ?? ['', '']
    return join(this.machine.home, own, file.slice(seen.length))
  }

  /** Runs a shell command there; rejects with what it said when it fails. */
  async sh(script: string): Promise<string> {
    const { status, stdout, stderr } = await this.machine.run('sh', ['-c', script])
    if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`)
    return stdout.trim()
  }

  /** Starts our program under the name and in the place of REX-Ray, with nothing but what is there. */
  startRemora(): Promise<ServerProcess> {
    return startServer(this.machine, { env: this.#environment() })
  }

  /** Runs a command line of `rexray`. */
  rexray(...args: readonly string[]): Promise<Outcome> {
    const env = { ...programEnvironment(this.machine.home), ...this.#environment() }
    return this.machine.run(process.execPath, [this.#program(), ...args], env)
  }

  #program(): string {
    const program = join(this.machine.home, 'rexray')
    try {
      symlinkSync(programPath, program)
    } catch {
      // It is there from an earlier command.
    }
    return program
  }

  /** The simulator is where EC2 and its metadata service would be; no file of the host says so. */
  #environment(): Record<string, string> {
    return {
      REXRAY_HOME: '',
      HOME: join(this.machine.home, 'nobody'),
      EBS_ENDPOINT: this.#simulator.endpoint,
      EBS_METADATAENDPOINT: this.instance.metadata.endpoint,
    }
  }

  #write(file: string, text: string): void {
    const path = this.path(file)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, text)
    chmodSync(path, 0o600)
  }
}

function isReal(instance: SimMachine): instance is SimMachine<LoopDisks> {
  return instance.disks instanceof LoopDisks
}
