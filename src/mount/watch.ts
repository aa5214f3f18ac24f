import { after, type Timer } from '../libstorage/wait.ts'
import type { Ledger } from './ledger.ts'
import type { LedgerRecord } from './ledger-record.ts'
import { readableRecords } from './readable-records.ts'

/** How often the ledger is looked at, in milliseconds; where nothing has changed that is one look at a folder. */
const INTERVAL_MS = 3_000

/** After how many looks a volume that is still frozen is told of once more: its thaw failed. */
const FROZEN_AGAIN = 20

interface Seen {
  readonly text: string
  /** How many looks in a row have found it as it is; since it was told of last where it is frozen. */
  readonly looks: number
}

/** How a watch judges records. */
export interface WatchEyes {
  /** Whether a release of this volume, or what ends in one, is going to be tried. */
  readonly isScheduled: (id: string) => boolean
  /** Whether it was left frozen: whoever uses it waits until somebody thaws it. */
  readonly isFrozen: (record: LedgerRecord) => boolean
}

/**
 * Finds records that nobody uses and nobody is going to release, and those of volumes that were left frozen, used or not:
 * what a command leaves that was killed.
 */
export class Watch {
  readonly #ledger: Ledger
  readonly #eyes: WatchEyes
  readonly #found: (record: LedgerRecord) => void
  #seen = new Map<string, Seen>()
  #timer: Timer | undefined

  constructor(ledger: Ledger, eyes: WatchEyes, found: (record: LedgerRecord) => void) {
    this.#ledger = ledger
    this.#eyes = eyes
    this.#found = found
  }

  start(): void {
    this.#timer = after(INTERVAL_MS, () => {
      this.#look()
      this.start()
    })
  }

  close(): void {
    this.#timer?.cancel()
  }

  /**
   * What stands as it is from one look to the next is told of once; until it changes, nothing new is to be said of it,
   * unless it is frozen.
   */
  #look(): void {
    const before = this.#seen
    this.#seen = new Map()
    for (const record of this.#left()) {
      const { id } = record.volume
      const text = JSON.stringify(record)
      const last = before.get(id)
      const looks = last?.text === text ? last.looks + 1 : 0
      const isAgain = looks > FROZEN_AGAIN && this.#eyes.isFrozen(record)
      this.#seen.set(id, { text, looks: isAgain ? 1 : looks })
      if (looks === 1 || isAgain) this.#found(record)
    }
  }

  #left(): readonly LedgerRecord[] {
    const isUnused = ({ references, volume }: LedgerRecord) =>
      references.length === 0 && !this.#eyes.isScheduled(volume.id)
    return readableRecords(this.#ledger).filter(
      (record) => isUnused(record) || this.#eyes.isFrozen(record),
    )
  }
}
