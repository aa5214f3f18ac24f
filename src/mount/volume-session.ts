import { createHash } from 'node:crypto'
import {
  FailedPreconditionError,
  isStorageError,
  UnavailableError,
  volumeNamed,
} from '../libstorage/errors.ts'
import { KeyedMutex } from '../libstorage/keyed-mutex.ts'
import type { ThisMachine } from '../libstorage/process-identity.ts'
import type { InstanceId } from '../libstorage/types.ts'
import { poll, throwIfAborted, timeLimit } from '../libstorage/wait.ts'
import { fromEarlierBoot } from './earlier-boot.ts'
import type { Ledger } from './ledger.ts'
import {
  isWorthKeeping,
  type LedgerRecord,
  newRecord,
  type ToolRecord,
  type VolumeFacts,
} from './ledger-record.ts'
import { FREEZER, isLeftFrozen, type Thaw } from './left-frozen.ts'
import type { HeldLock, Locks } from './locks.ts'

/** How long one operation waits for another process's or for a tool that outlived its server, in milliseconds. */
const PATIENCE_MS = 110_000
/** A lock that took longer was somebody else's before. */
const CONTENDED_MS = 40
const TOOL_POLL_MS = 100

/** What is being done to a volume right now. */
export interface Progress {
  /** The volume's. */
  readonly name: string
  /** The machine that is waited for, where it is not this one that does it. */
  readonly who?: InstanceId | undefined
  readonly what: string
  /** Of the epoch, in milliseconds. */
  readonly since: number
}

/** How long an operation waits for another process's. */
export interface Patience {
  /** 110 s by itself. */
  readonly ms?: number | undefined
  /** Ends the waiting early. */
  readonly until?: AbortSignal
}

/** What an operation says of itself while it goes on. */
type Report = (what: string, other?: Pick<Progress, 'who' | 'since'>) => void

/**
 * One operation on one volume while nobody else, in no process, operates on it. Every step looks at the record and writes
 * it, so that the next process knows as much as this one.
 */
export class VolumeSession {
  readonly facts: VolumeFacts
  /** Whether another operation came first: what was looked up before may be old. */
  readonly waited: boolean
  readonly #ledger: Ledger
  readonly #lock: HeldLock
  readonly #service: string
  readonly #machine: ThisMachine
  readonly #thaw: Thaw
  readonly #report: Report

  constructor(
    facts: VolumeFacts,
    service: string,
    ledger: Ledger,
    machine: ThisMachine,
    thaw: Thaw,
    lock: HeldLock,
    waited: boolean,
    report: Report,
  ) {
    this.facts = facts
    this.waited = waited
    this.#service = service
    this.#ledger = ledger
    this.#machine = machine
    this.#thaw = thaw
    this.#lock = lock
    this.#report = report
  }

  /**
   * Comes before each step that changes the platform or the kernel. Throws when the volume's lock was taken away from
   * outside: somebody else may be at work on it by now.
   */
  step(): void {
    this.#lock.assertHeld()
  }

  /**
   * The volume's record as it stands on disk, without what ended with an earlier boot; a new one where nothing was meant for
   * it yet.
   */
  get record(): LedgerRecord {
    const bootId = this.#machine.bootId()
    const known = this.#ledger.get(this.facts.id)
    if (known === undefined) return newRecord(this.#service, this.facts, bootId)
    return known.bootId === bootId ? known : fromEarlierBoot(known)
  }

  /** Writes a change; on disk when this resolves. A record that says nothing any more is removed. */
  async update(change: Partial<LedgerRecord>): Promise<void> {
    await this.replace({
      ...this.record,
      volume: this.facts,
      bootId: this.#machine.bootId(),
      ...change,
    })
  }

  /** Writes a record as a whole; on disk when this resolves. */
  async replace(record: LedgerRecord): Promise<void> {
    this.step()
    if (isWorthKeeping(record)) await this.#ledger.put(record)
    else await this.#ledger.delete(this.facts.id)
  }

  /** Says which machine is waited for, what it does, and since when. */
  awaiting(who: InstanceId, what: string, since: number): void {
    this.#report(what, { who, since })
  }

  /** Names a device tool in the ledger before it begins. */
  readonly toolStarting = async (tool: ToolRecord): Promise<void> => {
    this.#report(tool.command, { since: Date.parse(tool.since) })
    await this.update({ tool })
  }

  /** Thaws the volume if it was left frozen. Rejects where that fails; then the record says on that it is frozen. */
  async endFreeze(): Promise<void> {
    const { record } = this
    if (!isLeftFrozen(record, this.#machine)) return
    this.step()
    await this.#thaw(record)
    await this.replace({ ...this.record, tool: undefined })
  }

  /**
   * Waits until a tool that outlived its server has ended, and thaws what it left frozen. Rejects with `UnavailableError`
   * when it takes too long.
   */
  async awaitTool(): Promise<void> {
    const { tool } = this.record
    if (tool === undefined) return
    this.#report(tool.command, { since: Date.parse(tool.since) })
    const ended = await poll(async () => this.#machine.isProvablyDead(tool.process) || undefined, {
      intervalMs: TOOL_POLL_MS,
      timeoutMs: PATIENCE_MS,
    })
    if (ended === undefined)
      throw stillUnderWay({
        name: this.facts.name,
        what: tool.command,
        since: Date.parse(tool.since),
      })
    if (tool.command === FREEZER) await this.endFreeze()
    else await this.replace({ ...this.record, tool: undefined })
  }
}

/** Lets operations on one volume happen one after the other, here and across processes; those on others go on beside it. */
export class VolumeSessions {
  readonly #mutex = new KeyedMutex()
  readonly #progress = new Map<string, Progress>()
  readonly #service: string
  readonly #ledger: Ledger
  readonly #locks: Locks
  readonly #machine: ThisMachine
  readonly #thaw: Thaw

  constructor(service: string, ledger: Ledger, locks: Locks, machine: ThisMachine, thaw: Thaw) {
    this.#thaw = thaw
    this.#service = service
    this.#ledger = ledger
    this.#locks = locks
    this.#machine = machine
  }

  /** Removes what dead processes left locked. */
  sweepLocks(): Promise<void> {
    return this.#locks.sweep()
  }

  /** Runs the work when its turn has come; does not begin it when the caller has gone by then. */
  run<T>(
    facts: VolumeFacts,
    purpose: string,
    signal: AbortSignal | undefined,
    work: (session: VolumeSession) => Promise<T>,
    { ms = PATIENCE_MS, until }: Patience = {},
  ): Promise<T> {
    const behindOthers = this.#mutex.isBusy(facts.id)
    return this.#mutex.run(facts.id, async () => {
      throwIfAborted(signal)
      const lockName = `${this.#service}-${encodeURIComponent(facts.id)}`
      const asked = performance.now()
      const limit = timeLimit(ms)
      const patience = until === undefined ? limit : AbortSignal.any([limit, until])
      const lock = await this.#locks.acquire(lockName, purpose, patience)
      const waited = behindOthers || performance.now() - asked > CONTENDED_MS
      const since = Date.now()
      const report: Report = (what, other = { since }) =>
        this.#progress.set(facts.id, { name: facts.name, what, ...other })
      try {
        report(purpose)
        const session = new VolumeSession(
          facts,
          this.#service,
          this.#ledger,
          this.#machine,
          this.#thaw,
          lock,
          waited,
          report,
        )
        await session.endFreeze().catch(leaveFrozen)
        return await work(session)
      } finally {
        this.#progress.delete(facts.id)
        await lock.release()
      }
    })
  }

  /**
   * Runs the work while nobody else, in no process, makes a volume of this name in any letter case: between the look
   * whether there is one and the making, another one could be made.
   */
  creating<T>(name: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const folded = createHash('sha256').update(name.toLowerCase()).digest('hex')
    const key = `name ${folded}`
    return this.#mutex.run(key, async () => {
      throwIfAborted(signal)
      const lockName = `${this.#service}-name-${folded}`
      const patience = AbortSignal.timeout(PATIENCE_MS)
      const lock = await this.#locks.acquire(lockName, `creates ${name}`, patience)
      try {
        this.#progress.set(key, { name, what: 'creates the volume', since: Date.now() })
        return await work()
      } finally {
        this.#progress.delete(key)
        await lock.release()
      }
    })
  }

  /** What is being done to the volume of this name, for whoever waited for it in vain. */
  progressOf(name: string): Progress | undefined {
    return [...this.#progress.values()].find((progress) => progress.name === name)
  }
}

/** What has to be thawed rejects when it awaits the tool; a refusal, or a reference that goes, need not fail by this. */
function leaveFrozen(error: unknown): void {
  if (!isStorageError(error)) throw error
}

/** The answer to a caller whose time is up while the work goes on, here or on another machine. */
export function stillUnderWay({ name, who, what, since }: Progress): UnavailableError {
  const soFar = `${Math.max(1, Math.round((Date.now() - since) / 1000))} s so far`
  const here = {
    subject: volumeNamed(name),
    problem: `is still being prepared (${what}, ${soFar})`,
  }
  const there = { subject: `${volumeNamed(name)}: ${who}`, problem: `is still ${what} (${soFar})` }
  return new UnavailableError({ ...(who === undefined ? here : there), remedy: 'try again' })
}

/** The refusal of something that others still use. */
export function stillInUse(
  name: string,
  by: readonly string[],
  remedy: string,
): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is in use by ${by.length > 0 ? by.join(', ') : 'somebody who cannot be seen from here'}`,
    remedy,
  })
}
