import type { Volume } from '../libstorage/types.ts'
import type { FileSystemUsage, MountView, VolumeView } from './integration-driver.ts'
import type { LedgerRecord } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { placeOf } from './recorded-place.ts'

/** How old a measurement may be before the next look at the volume starts another. */
const USAGE_AGE_MS = 10_000
/** A measurement that took long, as of a directory of many files, is kept for this many times as long. */
const USAGE_AGE_FACTOR = 50

interface Measurement {
  /** When it is too old, by `performance.now()`. */
  readonly until: number
  readonly usage: FileSystemUsage | undefined
}

/** What is told of volumes: made from what is at hand, never waiting for a disk. */
export class VolumeViews {
  readonly #context: MountContext
  readonly #measured = new Map<string, Measurement>()
  readonly #measuring = new Set<string>()
  readonly #lastErrors = new Map<string, string>()

  constructor(context: MountContext) {
    this.#context = context
  }

  /** Keeps the message of what failed last on a volume, until something succeeds. */
  noteError(volumeId: string, message: string | undefined): void {
    if (message === undefined) this.#lastErrors.delete(volumeId)
    else this.#lastErrors.set(volumeId, message)
  }

  /** Where containers find a volume, if the kernel shows it there. */
  mountpoint(record: LedgerRecord | undefined): string | undefined {
    if (record?.mount === undefined) return undefined
    const place = placeOf(this.#context, record)
    return this.#context.publisher.isPublished(record.mount.device, place)
      ? place.dataPath
      : undefined
  }

  of(volume: Volume, record: LedgerRecord | undefined): VolumeView {
    const mountpoint = this.mountpoint(record)
    const lastError = this.#lastErrors.get(volume.id)
    const base = {
      volume,
      service: this.#context.service.name,
      ...(lastError === undefined ? {} : { lastError }),
    }
    if (mountpoint === undefined || record?.mount === undefined) return base
    return { ...base, mountpoint, mount: this.#mountView(record, record.mount.since) }
  }

  #mountView(record: LedgerRecord, since: string): MountView {
    const usage = this.#usage(record)
    return {
      since,
      holders: record.references.map(({ id }) => id),
      ...(usage === undefined ? {} : { usage }),
    }
  }

  /** The last measurement; an old one is renewed in the background, at most one at a time for each volume. */
  #usage(record: LedgerRecord): FileSystemUsage | undefined {
    const { volume } = record
    const last = this.#measured.get(volume.id)
    const old = last === undefined || performance.now() > last.until
    if (old && !this.#measuring.has(volume.id)) this.#measure(record)
    return last?.usage
  }

  #measure(record: LedgerRecord): void {
    const { id } = record.volume
    this.#measuring.add(id)
    const begun = performance.now()
    const keep = (usage: FileSystemUsage | undefined) => {
      this.#measuring.delete(id)
      const now = performance.now()
      this.#measured.set(id, {
        until: now + Math.max(USAGE_AGE_MS, (now - begun) * USAGE_AGE_FACTOR),
        usage: usage ?? this.#measured.get(id)?.usage,
      })
    }
    const { mounter, service } = this.#context
    const { mountPoint } = placeOf(this.#context, record)
    const measured =
      service.storage === 'block' ? mounter.usage(mountPoint) : mounter.directoryUsage(mountPoint)
    measured.then(keep, () => keep(undefined))
  }
}
