import { cpSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { Provider } from '../../src/libstorage/storage-driver.ts'
import type { MountWorld } from './mount-world.ts'

/** What a process may be at when it dies: each before it begins, and what changes something also when it is done. */
const LOOKS = ['volume', 'volumes', 'device', 'status', 'exclusiveOpen', 'identify', 'unfilled']
const CHANGES = [
  'attachVolume',
  'detachVolume',
  'stop',
  'check',
  'grow',
  'mount',
  'unmount',
  'thaw',
]

/**
 * A machine of a world whose processes die at the n-th step from now: what they do then reaches neither platform nor
 * kernel, and the ledger stays as it was at that moment.
 */
export class MortalMachine {
  /** The steps that were taken. */
  readonly steps: string[] = []
  readonly #world: MountWorld
  readonly #dieAt: number
  readonly #restore: () => void
  #isDead = false

  constructor(world: MountWorld, dieAt: number) {
    this.#world = world
    this.#dieAt = dieAt
    const { platform, kernel, name } = world
    const provide = platform.provider.bind(platform)
    platform.provider = (instance, facts) => {
      const provider = provide(instance, facts)
      return instance === name ? this.#watchAll(provider) : provider
    }
    const before = { ...kernel }
    this.#watch(kernel, kernel)
    this.#restore = () => {
      platform.provider = provide
      for (const method of [...LOOKS, ...CHANGES]) Reflect.deleteProperty(kernel, method)
      Object.assign(kernel, before)
    }
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Once its work has settled: the next process finds what there was when this one died. */
  bury(): void {
    this.#restore()
    if (!this.#isDead) return
    rmSync(this.#ledger, { recursive: true })
    cpSync(this.#kept, this.#ledger, { recursive: true, preserveTimestamps: true })
  }

  #watchAll(provider: Provider): Provider {
    const { driver, executor } = provider
    const { instances } = driver
    return {
      ...provider,
      driver: {
        ...this.#watch({ ...driver }, driver),
        ...(instances && { instances: this.#watch({ ...instances }, instances) }),
      },
      executor: this.#watch({ ...executor }, executor),
    }
  }

  /** Puts steps around what the subject does by the original's methods. */
  #watch<T extends object>(subject: T, original: object): T {
    for (const name of [...LOOKS, ...CHANGES]) {
      const method: unknown = Reflect.get(original, name)
      if (typeof method !== 'function') continue
      const watched = async (...args: unknown[]) => {
        this.#step(`before ${name}`)
        const result: unknown = await method.apply(original, args)
        if (CHANGES.includes(name)) this.#step(`after ${name}`)
        return result
      }
      Reflect.set(subject, name, watched)
    }
    return subject
  }

  #step(what: string): void {
    if (!this.#isDead) this.steps.push(what)
    if (!this.#isDead && this.steps.length === this.#dieAt) {
      this.#isDead = true
      cpSync(this.#ledger, this.#kept, { recursive: true, preserveTimestamps: true })
    }
    if (this.#isDead) throw new Error(`the process died: ${what}`)
  }

  get #ledger(): string {
    return path.join(this.#world.folder, 'ledger')
  }

  get #kept(): string {
    return path.join(this.#world.folder, 'ledger-at-death')
  }
}
