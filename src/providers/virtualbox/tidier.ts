import { saySwept } from '../../libstorage/leftover.ts'
import type { Logger } from '../../libstorage/logger.ts'
import type { WebSession } from './client.ts'
import { readDescription } from './facts.ts'
import { isFault } from './fault.ts'
import type { Makers } from './makers.ts'
import type { Marked } from './media.ts'
import { removeMedium } from './media-making.ts'
import { giveBackProperties } from './own-properties.ts'

/** What tidying up works with. */
export interface TidyingContext {
  readonly makers: Makers
  readonly logger: Pick<Logger, 'info' | 'warn'>
  /** What all pauses are multiplied by. */
  readonly pace: number
  /** Set for whoever only looks: then nothing is done. */
  readonly looksOnly: boolean
}

/** Takes copies away that nobody will finish, and gives disks back what was taken off them for a copy. */
export class Tidier {
  readonly #context: TidyingContext

  constructor(context: TidyingContext) {
    this.#context = context
  }

  /** Looks at marks that were just read. What cannot be done now is done at another look. */
  async tidy(session: WebSession, all: readonly Marked[]): Promise<void> {
    if (this.#context.looksOnly) return
    for (const marked of all)
      try {
        await this.#mend(session, marked)
      } catch (error) {
        // Somebody else was faster, or it is locked.
        if (!isFault(error, 'runtime')) throw error
      }
  }

  async #mend(session: WebSession, { ref, location, facts: read }: Marked): Promise<void> {
    if (read?.unfinished === undefined && read?.keeping === undefined) return
    // VirtualBox goes on copying when whoever asked for it is gone.
    if ((await session.call('IMedium_refreshState', { _this: ref })).startsWith('Locked')) return
    const { facts } = await readDescription(session, ref)
    const maker = facts?.unfinished ?? facts?.keeping?.maker
    const { makers, logger, pace } = this.#context
    if (maker === undefined || !(await makers.isAbandoned(session, maker))) return
    if (facts?.unfinished === undefined)
      return await giveBackProperties({ warn: (said) => logger.warn(said), pace }, session, ref)
    await removeMedium(session, { ref })
    saySwept(logger, `the unfinished copy ${location}`)
  }
}
