import { after, sleep, type Timer } from '../../libstorage/wait.ts'
import type { Background } from '../background.ts'
import { type LedgerRecord, recordedAttachment } from '../ledger-record.ts'
import type { MountContext } from '../mount-context.ts'
import { readableRecords } from '../readable-records.ts'
import { mayBecomeStale } from '../references.ts'
import { findLoss, isReplaced, type Loss, loseDevice } from './loss.ts'

/** How often it is looked whether the devices in use are still there, in milliseconds. */
const WATCH_MS = 4_000
/** How long it is remembered that a volume was lost, or was to be taken over, where nothing else is known of it, in milliseconds. */
const MEMORY_MS = 900_000

/**
 * Notices on a server that a volume was taken away. It looks at the kernel's tables alone; only where these show a loss, or
 * where others suspect one, is the platform asked, once.
 */
export class DeviceWatch {
  readonly #context: MountContext
  readonly #background: Background
  readonly #intervalMs: number
  readonly #asking = new Set<string>()
  #timer: Timer | undefined
  readonly #closing = new AbortController()

  constructor(context: MountContext, background: Background, intervalMs = WATCH_MS) {
    this.#context = context
    this.#background = background
    this.#intervalMs = intervalMs
  }

  /** Begins to watch. Returns at once. */
  start(): void {
    const { service } = this.#context
    // A directory is no device that could be taken away.
    if (service.storage === 'directory') return
    this.#again()
  }

  close(): void {
    this.#closing.abort()
    this.#timer?.cancel()
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  #again(): void {
    if (this.#isClosed) return
    this.#timer = after(this.#intervalMs, () => {
      this.#look()
      this.#again()
    })
  }

  #look(): void {
    for (const record of readableRecords(this.#context.ledger)) {
      if (isReplaced(this.#context, record)) this.suspect(record)
      if (isForgettable(record)) this.#forget(record)
    }
  }

  /** Finds out whether a volume is lost, and does what follows. The volume's own calls do not wait while the platform is asked. */
  suspect(record: LedgerRecord): void {
    const { id } = record.volume
    if (this.#asking.has(id) || recordedAttachment(record) === undefined) return
    this.#asking.add(id)
    this.#lossOf(record)
      .then(async (loss) => {
        if (loss === undefined || this.#isClosed) return
        const purpose = 'looks after a lost device'
        await this.#background.runToEnd(record.volume, purpose, async (session) => {
          const { attachment, mount } = session.record
          // What nobody has, and is not mounted here, is not missed: a Mount attaches it again.
          if (mount === undefined && loss.to === undefined) return
          const isSame =
            attachment?.since === record.attachment?.since &&
            (mount === undefined || mount.since === record.mount?.since)
          if (isSame) await loseDevice(this.#context, session, loss)
        })
      })
      .catch((error: unknown) => {
        if (this.#isClosed) return
        this.#context.logger.warn(
          `whether volume ${record.volume.name} is lost cannot be told: ${String(error)}`,
        )
      })
      .finally(() => this.#asking.delete(id))
  }

  /** Between one machine's loss and the other's gain nobody has the volume: where nobody is named, it is asked once more. */
  async #lossOf(record: LedgerRecord): Promise<Loss | undefined> {
    const loss = await findLoss(this.#context, { record })
    if (loss === undefined || loss.to !== undefined) return loss
    await sleep(this.#intervalMs, this.#closing.signal)
    return await findLoss(this.#context, { record })
  }

  #forget(record: LedgerRecord): void {
    this.#background.run(record.volume, 'forgets an old loss', async (session) => {
      if (isForgettable(session.record))
        await session.update({ lost: undefined, takeOver: undefined, references: [] })
    })
  }
}

/** Whether all that a record says is that something happened a while ago; what Docker had of it then is dead, and may never be unmounted. */
function isForgettable(record: LedgerRecord): boolean {
  const { attachment, mount, tool, references, lost, takeOver } = record
  const isInUse = (attachment ?? mount ?? tool) !== undefined
  if (isInUse || !references.every(mayBecomeStale) || (lost ?? takeOver) === undefined) return false
  const times = [lost?.refusedAt, lost?.at, takeOver?.stopRequestedAt, takeOver?.begunAt]
  return times.every((time) => time === undefined || Date.now() - Date.parse(time) > MEMORY_MS)
}
