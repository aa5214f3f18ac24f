import { abortReason } from '../../../src/libstorage/wait.ts'
import type { Ledger } from '../../../src/mount/ledger.ts'
import { type LedgerRecord, ledgerRecordSchema } from '../../../src/mount/ledger-record.ts'
import type { HeldLock, Locks } from '../../../src/mount/locks.ts'
import type { RemovedNames } from '../../../src/mount/removed-names.ts'
import type { Faults } from './faults.ts'
import type { Life } from './life.ts'

interface Owner {
  readonly life: Life
  readonly purpose: string
  readonly released: Promise<void>
}

/** What one machine keeps outside of its processes: the ledger, the locks, the names that were removed. */
export class MachineState {
  readonly #faults: Faults
  readonly #records = new Map<string, LedgerRecord>()
  readonly #locks = new Map<string, Owner>()
  readonly #removed = new Set<string>()

  constructor(faults: Faults) {
    this.#faults = faults
  }

  records(): readonly LedgerRecord[] {
    return [...this.#records.values()]
  }

  /** The names of the locks that are held, those of the dead among them. */
  locks(): readonly string[] {
    return [...this.#locks].map(([name, { purpose }]) => `${name} (${purpose})`)
  }

  isLocked(volumeId: string): boolean {
    return [...this.#locks].some(([name, { life }]) => life.isAlive && name.endsWith(volumeId))
  }

  /** A new process begins to read. */
  reopen(): void {
    if (!this.#faults.ledgerForgetsReferences) return
    for (const record of this.records())
      this.#records.set(record.volume.id, { ...record, references: [] })
  }

  /** The run directory is emptied at boot. */
  reboot(): void {
    this.#locks.clear()
  }

  removedNames(life: Life): RemovedNames {
    return {
      has: (name) => this.#removed.has(name),
      add: (name) => {
        if (life.isAlive) this.#removed.add(name)
      },
    }
  }

  ledger(life: Life): Ledger {
    const all = () => this.records()
    const get: Ledger['get'] = (id) => this.#records.get(id)
    const exactly: Ledger['exactly'] = (name) => {
      const records = all().filter(({ volume }) => volume.name === name)
      return records.find(({ mount }) => mount !== undefined) ?? records[0]
    }
    return {
      get,
      exactly,
      named: (name) => exactly(name) ?? get(name),
      all,
      isWhole: () => true,
      put: async (record) => {
        const text = JSON.stringify(record)
        const write = () =>
          void this.#records.set(
            record.volume.id,
            ledgerRecordSchema.parse(JSON.parse(text)) as LedgerRecord,
          )
        if (!this.#faults.ledgerIsLazy) return await life.effect(`write ${summary(record)}`, write)
        setTimeout(() => life.isAlive && write(), 200)
      },
      delete: (id) => life.effect(`forget ${id}`, () => void this.#records.delete(id)),
    }
  }

  lockKeeper(life: Life): Locks {
    return {
      acquire: (name, purpose, signal) => this.#acquire(life, name, purpose, signal),
      sweep: async () => {
        for (const [name, owner] of this.#locks)
          if (!owner.life.isAlive) await life.effect(`sweep ${name}`, () => this.#drop(name, owner))
      },
    }
  }

  async #acquire(
    life: Life,
    name: string,
    purpose: string,
    signal: AbortSignal | undefined,
  ): Promise<HeldLock> {
    await life.pass(`before: lock ${name}`)
    for (;;) {
      const holder = this.#locks.get(name)
      if (holder === undefined || !holder.life.isAlive || this.#faults.locksExcludeNobody) break
      await Promise.race([holder.released, holder.life.ended, aborted(signal)])
      if (signal?.aborted) throw abortReason(signal)
      await life.pass(`waiting: lock ${name}`, 0)
    }
    let free: () => void = () => {}
    const released = new Promise<void>((resolve) => {
      free = resolve
    })
    const owner = { life, purpose, released }
    this.#locks.set(name, owner)
    await life.pass(`after: lock ${name}`)
    return {
      lost: new AbortController().signal,
      assertHeld() {},
      release: () =>
        life.effect(`unlock ${name}`, () => {
          this.#drop(name, owner)
          free()
        }),
    }
  }

  #drop(name: string, owner: Owner): void {
    if (this.#locks.get(name) === owner) this.#locks.delete(name)
  }
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve()
    signal?.addEventListener('abort', () => resolve(), { once: true })
  })
}

function summary({ volume, references, attachment, mount, formatIntent }: LedgerRecord): string {
  const facts = [
    attachment && (attachment.since === undefined ? 'attaching' : 'attached'),
    mount && (mount.complete ? 'mounted' : 'mounting'),
    formatIntent && 'formatting',
    ...references.map(({ id, count, undelivered }) => `${id}:${count}/${undelivered}`),
  ]
  return `record of ${volume.name} [${facts.filter(Boolean).join(' ')}]`
}
