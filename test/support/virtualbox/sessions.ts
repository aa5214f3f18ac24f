import { randomBytes } from 'node:crypto'

/** The root of all objects. */
export const ROOT = { kind: 'IVirtualBox' }

/** A reference that means nothing (any more). */
export class BadReference extends Error {
  readonly reference: string

  constructor(reference: string) {
    super(`Invalid managed object reference "${reference}"`)
    this.reference = reference
  }
}

interface Session {
  readonly objects: Map<number, object>
  readonly numbers: Map<object, number>
  next: number
}

const FORM = /^([0-9a-f]{16})-([0-9a-f]{16})$/

/** The web sessions with their references: a session's number, and an object's in it. */
export class Sessions {
  readonly #sessions = new Map<string, Session>()

  /** Begins one, and returns the reference to the root. */
  begin(): string {
    const id = randomBytes(8).toString('hex')
    this.#sessions.set(id, { objects: new Map(), numbers: new Map(), next: 1 })
    return this.referTo(id, ROOT)
  }

  /** Ends one, or all. Locks that were taken in it stay. */
  end(reference?: string): void {
    if (reference === undefined) this.#sessions.clear()
    else this.#sessions.delete(reference.slice(0, 16))
  }

  get count(): number {
    return this.#sessions.size
  }

  /** How many references are alive. */
  get references(): number {
    return [...this.#sessions.values()].reduce((sum, one) => sum + one.objects.size, 0)
  }

  isReference(text: string): boolean {
    return FORM.test(text)
  }

  /** Throws where it means nothing. */
  lookUp(reference: string): object {
    const [, id = '', number = ''] = FORM.exec(reference) ?? []
    const found = this.#sessions.get(id)?.objects.get(Number.parseInt(number, 16))
    if (found === undefined) throw new BadReference(reference)
    return found
  }

  /** The same object has the same reference as long as a session lasts. */
  referTo(sessionId: string, object: object): string {
    const session = this.#sessions.get(sessionId)
    if (session === undefined) throw new BadReference(sessionId)
    const number = session.numbers.get(object) ?? session.next++
    session.numbers.set(object, number)
    session.objects.set(number, object)
    return `${sessionId}-${number.toString(16).padStart(16, '0')}`
  }

  release(reference: string): void {
    const object = this.lookUp(reference)
    const session = this.#sessions.get(reference.slice(0, 16))
    session?.objects.delete(Number.parseInt(reference.slice(17), 16))
    session?.numbers.delete(object)
  }
}
