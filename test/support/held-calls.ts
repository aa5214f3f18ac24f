import { untilAborted } from '../../src/libstorage/wait.ts'
import { gate } from './gate.ts'

/** A hold on a method: its calls wait until it is released. */
export interface Hold {
  /** Resolves when a call has reached the hold. */
  readonly reached: Promise<void>
  release(): void
}

interface Held {
  readonly opened: Promise<void>
  readonly reach: () => void
  readonly deaf: boolean
}

/** The calls of a fake that a test holds up, or lets fail. */
export class HeldCalls<Method> {
  /** Why signals were aborted, in the order of it. */
  readonly aborted: unknown[] = []
  readonly #failures = new Map<Method, unknown>()
  readonly #held = new Map<Method, Held>()

  /** Every further call of the method rejects with this error, until it is given undefined. */
  fail(method: Method, error: unknown): void {
    if (error === undefined) this.#failures.delete(method)
    else this.#failures.set(method, error)
  }

  /** Further calls of the method wait. An aborted call rejects at once, or not at all if it is `deaf`. */
  hold(method: Method, { deaf = false }: { readonly deaf?: boolean } = {}): Hold {
    const reached = gate()
    const opened = gate()
    this.#held.set(method, { opened: opened.promise, reach: reached.resolve, deaf })
    const release = () => {
      this.#held.delete(method)
      opened.resolve()
    }
    return { reached: reached.promise, release }
  }

  /** Awaited by the fake where a call of the method arrives. */
  async reach(method: Method, call: { readonly signal?: AbortSignal } | undefined): Promise<void> {
    const signal = call?.signal
    signal?.addEventListener('abort', () => this.aborted.push(signal.reason), { once: true })
    const held = this.#held.get(method)
    held?.reach()
    if (held !== undefined) await untilAborted(held.opened, held.deaf ? undefined : signal)
    const failure = this.#failures.get(method)
    if (failure !== undefined) throw failure
  }
}
