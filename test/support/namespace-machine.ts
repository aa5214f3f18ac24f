import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expectNothingLeft } from './leftovers.ts'
import { eventually, loopDevices, Machine, outcomeOf } from './machine.ts'
import { ServedMachine } from './served-machine.ts'

/** How a machine of several treats the volumes of the others, and what it makes. */
export interface MachineSettings {
  readonly preempt?: boolean | 'dead' | 'fence'
  /** As configurations write it: `1s`. */
  readonly attachWait?: string
  readonly preemptGrace?: string
  readonly fsType?: string
}

/** Several machines on this one, which share a pool: each has a mount and a network namespace, a /run and a home of its own. */
export class NamespaceMachines {
  /** The pool of all of them. */
  readonly pool = mkdtempSync(join(tmpdir(), 'remora-pool-'))
  readonly #machines: NamespaceMachine[] = []

  /** A further machine; `end` must be called however the test ends. */
  async add(name: string, settings: MachineSettings = {}): Promise<NamespaceMachine> {
    const machine = await Machine.start({ isOneOfSeveral: true })
    machine.write('etc/config.yml', configuration(name, this.pool, settings))
    const added = new NamespaceMachine(name, machine, this.pool)
    this.#machines.push(added)
    return added
  }

  /** The loop devices over the pool's files, those too that were pulled. */
  loops(): string[] {
    return loopDevices()
      .filter(({ file }) => file.startsWith(`${this.pool}/`))
      .map(({ device }) => device)
  }

  /** Waits until no machine has anything left but volumes in the pool; throws what there is. */
  async expectNothingLeft(): Promise<void> {
    for (const { machine } of this.#machines) await expectNothingLeft(machine)
    await eventually('all loop devices to be gone', () => this.loops().length === 0)
    const left = readdirSync(this.pool, { recursive: true, encoding: 'utf8' })
    const odd = left.filter((path) => !/^[^/]+(\/(disk|volume\.json))?$/.test(path))
    if (odd.length > 0) throw new Error(`left in the pool: ${odd.join(', ')}`)
  }

  /** Ends all of them, and all that they share. */
  async end(): Promise<void> {
    for (const { machine } of this.#machines.splice(0)) await machine.end()
    for (const device of this.loops()) await outcomeOf(spawn('losetup', ['-d', device]))
    await eventually('loop devices to be released', () => this.loops().length === 0)
    rmSync(this.pool, { recursive: true, force: true })
  }

  /** What all that a test may need to know said and recorded. */
  history(): string {
    return this.#machines
      .map((one) => `${one.name}:\n${one.output()}\n${JSON.stringify(one.events(), undefined, 1)}`)
      .join('\n')
  }
}

/** One machine of several. */
export class NamespaceMachine extends ServedMachine {
  readonly #pool: string

  constructor(name: string, machine: Machine, pool: string) {
    super(name, machine, 'loop')
    this.#pool = pool
  }

  /** The loop device that is mounted for `data`. */
  device(): string {
    const claim = readFileSync(join(this.#pool, 'data/attachment.json'), 'utf8')
    return JSON.parse(claim).device.path
  }
}

function configuration(name: string, pool: string, settings: MachineSettings): string {
  const { preempt = false, attachWait = '1s', preemptGrace = '1s', fsType = 'ext4' } = settings
  return `
libstorage:
  service: loop
  integration:
    volume:
      operations:
        create: { default: { fsType: ${fsType} } }
        mount: { preempt: ${preempt}, attachWait: ${attachWait}, preemptGrace: ${preemptGrace} }
        unmount: { detachDelay: 0s }
loop: { pool: ${pool}, instance: ${name} }
`
}
