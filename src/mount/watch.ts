import { isStorageError } from '../libstorage/errors.ts'
import { after, type Timer } from '../libstorage/wait.ts'
import type { Ledger } from './ledger.ts'
import type { LedgerRecord } from './ledger-record.ts'

/** How often the ledger is looked at, in milliseconds; where nothing has changed that is one look at a folder. */
const INTERVAL_MS = 3_000

interface Seen {
  readonly text: string
  readonly told: boolean
}

/** Finds records that nobody uses and nobody is going to release: what a command leaves that was killed. */
export class Watch {
  readonly #ledger: Ledger
  readonly #isScheduled: (id: string) => boolean
  readonly #found: (record: LedgerRecord) => void
  #seen = new Map<string, Seen>()
  #timer: Timer | undefined

  constructor(
    ledger: Ledger,
    isScheduled: (id: string) => boolean,
    found: (record: LedgerRecord) => void,
  ) {
    this.#ledger = ledger
    this.#isScheduled = isScheduled
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

  /** What stands as it is from one look to the next is told of once; until it changes, nothing new is to be said of it. */
  #look(): void {
    const before = this.#seen
    this.#seen = new Map()
    for (const record of this.#unused()) {
      const { id } = record.volume
      const text = JSON.stringify(record)
      const last = before.get(id)
      const isSame = last?.text === text
      this.#seen.set(id, { text, told: isSame })
      if (isSame && !last.told) this.#found(record)
    }
  }

  #unused(): readonly LedgerRecord[] {
    try {
      return this.#ledger
        .all()
        .filter(
          ({ references, volume }) => references.length === 0 && !this.#isScheduled(volume.id),
        )
    } catch (error) {
      // Whoever needs the ledger says that it cannot be read.
      if (isStorageError(error)) return []
      throw error
    }
  }
}
