import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import {
  isProvablyDead,
  type ProcessIdentity,
  processIdentitySchema,
} from '../../libstorage/process-identity.ts'
import type { WebSession } from './client.ts'
import type { LocalMachine } from './local-machine.ts'
import { findMachine } from './machines.ts'

/** The shape in which a maker is kept with a disk. */
export const makerSchema = z.object({
  /** The machine it runs on; empty where that cannot be told. */
  guest: z.string(),
  process: processIdentitySchema,
  /** One process may serve several services. */
  service: z.string(),
  work: z.string(),
})

/** Who works on a disk: one piece of work of one process of one machine. */
export type Maker = z.infer<typeof makerSchema>

/** The states in which nothing of what ran on a machine goes on, nor will. */
const ENDED = new Set(['PoweredOff', 'Aborted'])

/** Who works on disks that are not what they shall be yet, and whether anybody still does. */
export class Makers {
  readonly #local: LocalMachine
  readonly #process: ProcessIdentity
  readonly #service = randomUUID()
  readonly #underWay = new Set<string>()

  constructor(parts: { readonly local: LocalMachine; readonly process: ProcessIdentity }) {
    this.#local = parts.local
    this.#process = parts.process
  }

  /** Begins a piece of work, which goes on until it is ended, or the process is. */
  async begin(session: WebSession): Promise<Maker> {
    const { bootId, pidNamespace, pid, startTime } = this.#process
    const own = { bootId, pidNamespace, pid, startTime }
    // Without the machine nobody could ever tell whether the work goes on.
    const guest = (await this.#local.get(session)).id
    const work = randomUUID()
    this.#underWay.add(work)
    return { guest, process: own, service: this.#service, work }
  }

  end({ work }: Maker): void {
    this.#underWay.delete(work)
  }

  /** True only if nobody goes on with the work. */
  async isAbandoned(session: WebSession, maker: Maker): Promise<boolean> {
    if (maker.service === this.#service) return !this.#underWay.has(maker.work)
    if (maker.guest === (await this.#guest(session))) return isProvablyDead(maker.process)
    const found = await findMachine(session, maker.guest)
    return found === undefined || ENDED.has(found.state)
  }

  async #guest(session: WebSession): Promise<string> {
    try {
      return (await this.#local.get(session)).id
    } catch {
      return ''
    }
  }
}
