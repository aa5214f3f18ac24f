interface Waiting {
  readonly at: number
  readonly callback: () => void
  isCancelled: boolean
}

/** Time that passes only when it is told to, for everything that asks the global clocks and timers while it is installed. */
export class VirtualTime {
  /** In the order in which they become due. */
  readonly #waiting: Waiting[] = []
  #now = Date.parse('2024-05-01T12:00:00Z')

  now(): number {
    return this.#now
  }

  /** Takes the place of the global clocks and timers, until the function it returns is called. */
  install(): () => void {
    const { setTimeout, clearTimeout, Date: RealDate } = globalThis
    const realNow = performance.now
    const now = () => this.#now
    const begun = this.#now
    class VirtualDate extends RealDate {
      constructor(...args: [] | [number | string | Date]) {
        if (args.length === 0) super(now())
        else super(args[0])
      }

      static override now(): number {
        return now()
      }
    }
    const set = (callback: () => void, ms = 0) => this.#set(callback, ms)
    const clear = (timer: { waiting?: Waiting } | undefined) => {
      if (timer?.waiting !== undefined) timer.waiting.isCancelled = true
    }
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear, Date: VirtualDate })
    performance.now = () => this.#now - begun
    return () => {
      Object.assign(globalThis, { setTimeout, clearTimeout, Date: RealDate })
      performance.now = realNow
    }
  }

  /** Lets so many milliseconds pass; whatever becomes due happens in order, and all that follows from it first. */
  async advance(ms: number, isOver: () => boolean): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      if (isOver()) return
      this.#now = Math.max(this.#now, next.at)
      next.callback()
      await settle()
    }
    this.#now = end
  }

  #set(callback: () => void, ms: number): object {
    const waiting = { at: this.#now + Math.max(1, ms), callback, isCancelled: false }
    const before = this.#waiting.findLastIndex(({ at }) => at <= waiting.at)
    this.#waiting.splice(before + 1, 0, waiting)
    const timer = { waiting, unref: () => timer, ref: () => timer }
    return timer
  }

  /** Takes out what is due next. */
  #next(end: number): Waiting | undefined {
    for (;;) {
      const [next] = this.#waiting
      if (next === undefined || next.at > end) return undefined
      this.#waiting.shift()
      if (!next.isCancelled) return next
    }
  }
}

/** All that can run without time passing has run when this resolves: it is a turn of the real event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
