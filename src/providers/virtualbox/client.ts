import { systemCode, TimeoutError } from '../../libstorage/errors.ts'
import { SingleFlight } from '../../libstorage/single-flight.ts'
import { after, poll, type Timer, untilAborted } from '../../libstorage/wait.ts'
import { logonRefused, serviceGone } from './errors.ts'
import { Code, hasCode, isFault, VboxFault } from './fault.ts'
import { type ArgumentsOf, type OperationName, type ResultOf, resultOf } from './operations.ts'
import { readAnswer, request } from './soap.ts'
import type { WebService } from './web-service.ts'

/** After so long without a call the web session is ended; the service itself would wait for minutes. In milliseconds. */
const IDLE_MS = 60_000
/** How long one wait for something under way may block: a longer one would not keep the web session alive. */
const WAIT_STEP_MS = 500

/** So many answers in a row may be lost while something is waited for: it goes on, and would be begun a second time. */
const MOST_LOST = 5

/** The first major version of which it is known that the descriptions of disks can be set. */
const OLD_BEFORE = 7
/** The first version of which it is known that it ends when a disk with properties is copied. */
const DEFECT_SINCE = 7.2

/** Who asks. */
export interface Credentials {
  readonly userName: string
  readonly password: string
}

/** A reference to an object of the service, which means something during one web session only; empty for none. */
export type Reference = string

/** One web session: all references that were got in it end with it. */
export class WebSession {
  /** The object that everything begins with (IVirtualBox). */
  readonly root: Reference
  readonly #service: WebService
  #version: Promise<string> | undefined

  constructor(service: WebService, root: Reference) {
    this.#service = service
    this.root = root
  }

  /** Whether this version may lack what 7.0 has. */
  async isOld(signal?: AbortSignal): Promise<boolean> {
    return (await this.#versionNumber(signal)) < OLD_BEFORE
  }

  /** Whether this version comes to its end when a disk that has properties is copied. */
  async endsOfProperties(signal?: AbortSignal): Promise<boolean> {
    return (await this.#versionNumber(signal)) >= DEFECT_SINCE
  }

  /** Major and minor version, as 7.2. */
  async #versionNumber(signal: AbortSignal | undefined): Promise<number> {
    this.#version ??= this.call('IVirtualBox_getAPIVersion', { _this: this.root }).catch(
      (error: unknown) => {
        this.#version = undefined
        throw error
      },
    )
    const version = await untilAborted(this.#version, signal)
    return Number.parseFloat(version.replace('_', '.'))
  }

  /** Asks for one operation. Rejects with a `VboxFault`, or with what the network said. */
  async call<K extends OperationName>(
    name: K,
    args: ArgumentsOf<K>,
    signal?: AbortSignal,
  ): Promise<ResultOf<K>> {
    try {
      return await ask(this.#service, name, args, signal)
    } catch (error) {
      if (error instanceof VboxFault && error.errorInfo !== '') await this.release(error.errorInfo)
      throw error
    }
  }

  /** Gives objects back that were made for one use; whatever comes of it. */
  async release(...references: readonly Reference[]): Promise<void> {
    for (const reference of references)
      if (reference !== '')
        await ask(this.#service, 'IManagedObjectRef_release', { _this: reference }).catch(() => {})
  }

  /** Waits for something under way to be done. Rejects with a `VboxFault` when it fails; resolves with false when the time is up. */
  async finished(progress: Reference, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const _this = progress
    let lost = 0
    const look = async () => {
      try {
        await this.call('IProgress_waitForCompletion', { _this, timeout: WAIT_STEP_MS }, signal)
        const isDone = await this.call('IProgress_getCompleted', { _this }, signal)
        lost = 0
        return isDone || undefined
      } catch (error) {
        lost += 1
        const isLost = systemCode(error) !== undefined || error instanceof TimeoutError
        if (!isLost || lost > MOST_LOST) throw error
        return undefined
      }
    }
    const isDone = (await poll(look, { intervalMs: 1, timeoutMs, signal })) ?? false
    if (isDone) await this.#requireSuccess(progress)
    return isDone
  }

  async #requireSuccess(progress: Reference): Promise<void> {
    const code = (await this.call('IProgress_getResultCode', { _this: progress })) >>> 0
    if (code === 0) {
      await this.release(progress)
      return
    }
    const info = await this.call('IProgress_getErrorInfo', { _this: progress })
    const text = info === '' ? '' : await this.call('IVirtualBoxErrorInfo_getText', { _this: info })
    await this.release(info, progress)
    throw new VboxFault({ kind: 'runtime', operation: 'IProgress', text, code })
  }
}

/** Looks after what lasts as long as a web session does. */
export interface SessionKeeper {
  /** What is to be done first in every one, best it can. */
  begin(session: WebSession): Promise<void>
  /** Whether nothing is left that only this web session can end. */
  mayEnd(session: WebSession): Promise<boolean>
}

const CAREFREE: SessionKeeper = { begin: async () => {}, mayEnd: async () => true }

/** Speaks to the web service in one web session at a time, which begins at need and ends when nobody needs it. */
export class VirtualboxClient {
  readonly endpoint: string
  readonly #service: WebService
  readonly #credentials: Credentials
  readonly #logons = new SingleFlight<WebSession>()
  #session: WebSession | undefined
  #hasLoggedOn = false
  #users = 0
  #idle: Timer | undefined
  readonly #keeper: SessionKeeper

  constructor(service: WebService, credentials: Credentials, keeper: SessionKeeper = CAREFREE) {
    this.#service = service
    this.#credentials = credentials
    this.#keeper = keeper
    this.endpoint = service.endpoint
  }

  /**
   * Does work in a web session. Where that ends in the middle, as it does by expiry, all of the work is done once more in
   * another one: it looks before it acts.
   */
  async use<T>(work: (session: WebSession) => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.#users += 1
    this.#idle?.cancel()
    try {
      const session = await this.#current(signal)
      try {
        return await work(session)
      } catch (error) {
        if (!isFault(error, 'invalid-object')) throw error
        if (this.#session === session) this.#session = undefined
        return await work(await this.#current(signal))
      }
    } finally {
      this.#users -= 1
      if (this.#users === 0) this.#endLater()
    }
  }

  #endLater(): void {
    this.#idle?.cancel()
    this.#idle = after(IDLE_MS, () => void this.end())
  }

  async #current(signal: AbortSignal | undefined): Promise<WebSession> {
    if (this.#session !== undefined) return this.#session
    return await untilAborted(
      this.#logons.do('logon', () => this.#logon()),
      signal,
    )
  }

  async #logon(): Promise<WebSession> {
    const { userName: username, password } = this.#credentials
    let root: Reference
    try {
      root = await ask(this.#service, 'IWebsessionManager_logon', { username, password })
    } catch (error) {
      // The service says no more to a wrong password than when it has lost what it stands for.
      if (!isFault(error, 'bare')) throw error
      throw this.#hasLoggedOn
        ? serviceGone(this.endpoint, error)
        : logonRefused(this.endpoint, username, error)
    }
    if (root === '') throw serviceGone(this.endpoint)
    this.#hasLoggedOn = true
    const session = new WebSession(this.#service, root)
    await this.#keeper.begin(session).catch(() => {})
    this.#session = session
    return session
  }

  /** Ends the web session, unless somebody uses it or it is needed yet: then that is looked at again later. */
  async end(): Promise<void> {
    const session = this.#session
    if (session === undefined || this.#users > 0) return
    const mayEnd = await this.#keeper.mayEnd(session).catch(() => false)
    if (this.#users > 0 || this.#session !== session) return
    if (!mayEnd) return this.#endLater()
    this.#session = undefined
    await session
      .call('IWebsessionManager_logoff', { refIVirtualBox: session.root })
      .catch(() => {})
  }
}

async function ask<K extends OperationName>(
  service: WebService,
  name: K,
  args: ArgumentsOf<K>,
  signal?: AbortSignal,
): Promise<ResultOf<K>> {
  const answer = await service.post(request(name, args), signal)
  try {
    return resultOf(name, readAnswer(name, answer))
  } catch (error) {
    if (hasCode(error, Code.aborted)) throw serviceGone(service.endpoint, error)
    throw error
  }
}
