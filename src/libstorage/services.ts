import { NotFoundError } from './errors.ts'
import type { Service } from './service.ts'

/** The services of this process by name, one of which is meant when none is named. */
export class Services {
  readonly #byName: ReadonlyMap<string, Service>
  readonly default: Service

  constructor(services: readonly Service[], defaultName: string) {
    this.#byName = new Map(services.map((service) => [service.name, service]))
    this.default = this.get(defaultName)
  }

  /** The service of this name, in any letter case. Throws `NotFoundError` that lists those there are. */
  get(name: string): Service {
    const service = this.#byName.get(name.toLowerCase())
    if (service !== undefined) return service
    throw new NotFoundError(`service "${name}" (there is ${[...this.#byName.keys()].join(', ')})`)
  }

  [Symbol.iterator](): IterableIterator<Service> {
    return this.#byName.values()
  }
}
