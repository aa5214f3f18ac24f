import { FailedPreconditionError } from '../../src/libstorage/errors.ts'
import type { InstanceId, InstanceState, InstanceStatus } from '../../src/libstorage/types.ts'

/** A time that passes only when a test says so. */
export class MemoryClock {
  #ms: number

  constructor(ms = Date.parse('2024-05-01T12:00:00Z')) {
    this.#ms = ms
  }

  now(): number {
    return this.#ms
  }

  advance(ms: number): void {
    this.#ms += ms
  }
}

/** The machines of a platform in memory, which all run until a test says otherwise. */
export class MemoryMachines {
  /** The machines that the platform refuses to stop. */
  readonly unstoppable = new Set<InstanceId>()
  readonly #clock: MemoryClock
  readonly #known = new Map<InstanceId, InstanceStatus>()
  readonly #gone = new Set<InstanceId>()

  constructor(clock: MemoryClock) {
    this.#clock = clock
  }

  /** Puts a machine into a state; `gone`: the platform knows it no more. */
  set(id: InstanceId, state: InstanceState | 'gone'): void {
    this.#gone.delete(id)
    if (state === 'gone') this.#gone.add(id)
    else this.#known.set(id, { id, state, since: new Date(this.#clock.now()) })
  }

  /** Undefined for a machine that is gone. */
  status(id: InstanceId): InstanceStatus | undefined {
    return this.#gone.has(id) ? undefined : (this.#known.get(id) ?? { id, state: 'running' })
  }

  /** As the platform's own request to stop one: it is `stopping` until the test says that it has. */
  stop(id: InstanceId): void {
    if (this.unstoppable.has(id))
      throw new FailedPreconditionError({ subject: `instance ${id}`, problem: 'cannot be stopped' })
    if (this.status(id)?.state !== 'stopped') this.set(id, 'stopping')
  }
}
