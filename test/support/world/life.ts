import { sleep } from '../../../src/libstorage/wait.ts'

/** What comes of a call of a process that has died: nothing, ever. */
const never = new Promise<never>(() => {})

/** The machine that a process runs on. */
export interface Ground {
  /** Resolves when the machine goes on; undefined while it does. */
  thawed(): Promise<void> | undefined
  /** How long a small step takes, in milliseconds. */
  jitterMs(): number
}

/**
 * One process from its start to its end. All its handles go through it, so that it can die before and after each of its
 * effects, and none of its continuations does anything after that.
 */
export class Life {
  readonly name: string
  /** Resolves at its end. */
  readonly ended: Promise<void>
  readonly #ground: Ground
  #isAlive = true
  #markEnded: () => void = () => {}
  #doom: { left: number; readonly strike: (what: string) => void } | undefined

  constructor(name: string, ground: Ground) {
    this.name = name
    this.#ground = ground
    this.ended = new Promise((resolve) => {
      this.#markEnded = resolve
    })
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  end(): void {
    this.#isAlive = false
    this.#markEnded()
  }

  /** Calls back after so many more moments, each before or after an effect; the callback ends this life. */
  doom(moments: number, strike: (what: string) => void): void {
    this.#doom = { left: moments, strike }
  }

  /** Takes a doom back. */
  spare(): void {
    this.#doom = undefined
  }

  /** A moment at which the process may die, or its machine stand still. Never resolves for a dead one. */
  async pass(what: string, ms = this.#ground.jitterMs()): Promise<void> {
    if (ms > 0) await sleep(ms)
    for (let thawed = this.#ground.thawed(); thawed; thawed = this.#ground.thawed()) await thawed
    if (this.#isAlive && this.#doom !== undefined) {
      this.#doom.left -= 1
      if (this.#doom.left <= 0) this.#doom.strike(what)
    }
    if (!this.#isAlive) await never
  }

  /** Does something in the world, with a moment before and one after it. */
  async effect<T>(what: string, work: () => T, ms?: number): Promise<T> {
    await this.pass(`before: ${what}`, ms)
    try {
      const result = work()
      await this.pass(`after: ${what}`)
      return result
    } catch (error) {
      await this.pass(`after: ${what}`)
      throw error
    }
  }
}
