import type { VolumeFacts } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import type { VolumeSession } from './volume-session.ts'

/** Runs what nobody waits for; a failure is logged, and the end of the process waits for what has begun. */
export class Background {
  readonly #context: MountContext
  readonly #running = new Set<Promise<void>>()

  constructor(context: MountContext) {
    this.#context = context
  }

  run(facts: VolumeFacts, purpose: string, work: (session: VolumeSession) => Promise<void>): void {
    void this.runToEnd(facts, purpose, work)
  }

  /** The same; resolves when the work has ended, also when it failed. */
  runToEnd(
    facts: VolumeFacts,
    purpose: string,
    work: (session: VolumeSession) => Promise<void>,
  ): Promise<void> {
    const running = this.#context.sessions
      .run(facts, purpose, undefined, work)
      .catch((error: unknown) => {
        this.#context.logger.error(`${purpose} of ${facts.name} failed: ${String(error)}`, {
          stack: error instanceof Error ? error.stack : undefined,
        })
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
    return running
  }

  /** Resolves when all that runs has ended. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
