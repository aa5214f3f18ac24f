import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  FailedPreconditionError,
  NotFoundError,
  ResourceExhaustedError,
  systemCode,
  volumeNamed,
} from '../../libstorage/errors.ts'
import { lastLine, type Run } from '../../libstorage/run.ts'
import type { AttachmentState } from '../../libstorage/types.ts'
import { sleep } from '../../libstorage/wait.ts'
import type { Content } from './content.ts'
import type { Pool } from './pool.ts'
import { heldBy, refuseDamaged } from './refusals.ts'
import type { StoredVolume } from './stored-volume.ts'

/** A copy of a large disk takes hours where bytes have to be moved. */
const TIMEOUT_MS = 86_400_000
/** Two changes of a folder within one tick of the file system's clock look like one. */
const CLOCK_TICK_MS = 50

/** Copies contents of volumes so that each copy is what the content was at one moment. */
export class Copier {
  readonly #pool: Pool
  readonly #content: Content
  readonly #stateOf: (volume: StoredVolume) => AttachmentState | undefined

  constructor(
    pool: Pool,
    content: Content,
    stateOf: (volume: StoredVolume) => AttachmentState | undefined,
  ) {
    this.#pool = pool
    this.#content = content
    this.#stateOf = stateOf
  }

  /**
   * Copies the content of a volume. One that a machine may write to meanwhile is copied at one stroke or not at all;
   * one that nobody has is copied byte by byte if need be, and the copy is given up if anybody had it meanwhile.
   */
  async ofVolume(id: string, to: string, signal: AbortSignal): Promise<void> {
    const found = await this.#pool.byId(id, signal)
    const before = await this.#lastChange(found, signal)
    const volume = await this.#pool.byId(id, signal)
    refuseDamaged(volume)
    if (volume.claim && volume.isElsewhere && this.#stateOf(volume))
      throw heldBy(volume, volume.claim)
    const atOnce = await this.#isInUse(volume, signal)
    const from = join(volume.folder, this.#pool.content)
    const spec = { atOnce, name: volume.name, signal }
    await this.#pool.apart(signal, () => this.#content.copy(from, to, spec))
    if (atOnce) return
    const isUntouched =
      (await this.#lastChange(volume, signal)) === before && !(await this.#isInUse(volume, signal))
    if (isUntouched) return
    throw new FailedPreconditionError({
      subject: volumeNamed(volume.name),
      problem: 'was attached while it was copied, so that the copy is of no one moment',
      remedy: 'try again',
    })
  }

  async #isInUse(volume: StoredVolume, signal: AbortSignal): Promise<boolean> {
    if (this.#stateOf(volume) !== undefined) return true
    return await this.#content.isConnected(volume, signal)
  }

  /** Whoever takes a volume, or lets it go, changes its folder. */
  async #lastChange({ id, folder }: StoredVolume, signal: AbortSignal): Promise<bigint> {
    const changedAt = () => this.#pool.turn(() => stat(folder, { bigint: true }), signal)
    try {
      const { mtimeNs } = await changedAt()
      if (Math.abs(Date.now() - Number(mtimeNs / 1_000_000n)) > CLOCK_TICK_MS) return mtimeNs
      await sleep(CLOCK_TICK_MS, signal)
      return (await changedAt()).mtimeNs
    } catch (error) {
      if (systemCode(error) === 'ENOENT') throw new NotFoundError(volumeNamed(id), error)
      throw error
    }
  }
}

/** Runs a tool on a pool's files, for as long as that takes. A full pool is a `ResourceExhaustedError`. */
export async function runInPool(
  run: Run,
  signal: AbortSignal | undefined,
  ...[command, ...args]: readonly [string, ...string[]]
): Promise<void> {
  const result = await run(command, args, { timeoutMs: TIMEOUT_MS, signal })
  if (result.exitCode === 0) return
  const said = lastLine(result)
  const subject = `a file in ${dirname(dirname(args.at(-1) ?? ''))}`
  if (/no space left|quota exceeded/i.test(said))
    throw new ResourceExhaustedError({
      subject,
      problem: 'cannot be written: its pool has no space left',
      remedy: 'remove volumes or snapshots, or make its file system or quota larger',
    })
  throw new FailedPreconditionError({
    subject,
    problem: `cannot be written: ${said}`,
    remedy: 'mend that and try again',
  })
}
