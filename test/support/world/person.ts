import { COMMAND_HOLDER } from '../../../src/mount/references.ts'
import type { Referee } from './referee.ts'
import type { WorldMachine } from './world-machine.ts'

/** A person at the command line of one machine, who mounts and unmounts beside the server. */
export class Person {
  /** The volumes that `volume mount` has brought here, and no `volume unmount` has let go. */
  readonly holds = new Set<string>()
  /** The volumes that `volume attach --force` was asked for, and `volume detach` has not let go. */
  readonly forced = new Set<string>()
  readonly #machine: WorldMachine
  readonly #referee: Referee
  #open = 0

  constructor(machine: WorldMachine, referee: Referee) {
    this.#machine = machine
    this.#referee = referee
  }

  get isIdle(): boolean {
    return this.#open === 0
  }

  /** `rexray volume mount`. */
  async mount(name: string): Promise<void> {
    this.#open += 1
    const heldBefore = this.holds.has(name)
    const done = await this.#machine.command(async (manager) => {
      const mounted = await manager.mount({ name, holder: COMMAND_HOLDER })
      this.holds.add(name)
      mounted.delivered()
    })
    if (done === 'refused' && !heldBefore) this.holds.delete(name)
    this.#open -= 1
  }

  /** `rexray volume unmount`. */
  async unmount(name: string): Promise<void> {
    this.#open += 1
    const done = await this.#machine.command((manager) =>
      manager.unmount({ name, holder: COMMAND_HOLDER }),
    )
    if (done === 'done') this.holds.delete(name)
    this.#open -= 1
  }

  /** `rexray volume attach --force`. */
  async force(name: string): Promise<void> {
    this.#open += 1
    this.forced.add(name)
    const end = this.#referee.allowForce(this.#machine.id, name)
    await this.#machine.command((manager) => manager.attach(name, { force: true }))
    end()
    this.#open -= 1
  }

  /** `rexray volume detach`. */
  async detach(name: string): Promise<void> {
    this.#open += 1
    const done = await this.#machine.command((manager) => manager.detach(name))
    if (done === 'done') this.forced.delete(name)
    this.#open -= 1
  }

  /** `rexray volume resize`, by one GiB. */
  async grow(name: string, sizeGiB: number): Promise<void> {
    this.#open += 1
    await this.#machine.command(async (manager) => {
      await manager.resize(name, sizeGiB + 1)
    })
    this.#open -= 1
  }

  /** The machine is off: what it held is let go, and what it was doing never ends. */
  leave(): void {
    this.#referee.forbidForce(this.#machine.id)
    this.holds.clear()
    this.#open = 0
  }
}
