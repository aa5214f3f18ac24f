/** Something that goes wrong with one request. */
export type Fault =
  | { readonly kind: 'throttle' }
  /** Answered instead of being done. */
  | {
      readonly kind: 'error'
      readonly code: string
      readonly status: number
      readonly message?: string
    }
  /** The connection ends before the request is done, or after it was done and before the answer. */
  | { readonly kind: 'drop'; readonly when: 'before' | 'after' }
  /** Done, and answered so much later, in milliseconds. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Taken, never done and never answered. */
  | { readonly kind: 'hang' }

/** What a test wants to go wrong, by the name of the action; `*` means any. */
export class Faults {
  readonly #next = new Map<string, Fault[]>()
  readonly #lasting = new Map<string, Fault>()

  /** The next such requests, one fault each, in order. */
  next(action: string, ...faults: readonly Fault[]): void {
    this.#next.set(action, [...(this.#next.get(action) ?? []), ...faults])
  }

  /** Every such request, until the function it returns is called. */
  always(action: string, fault: Fault): () => void {
    this.#lasting.set(action, fault)
    return () => this.#lasting.delete(action)
  }

  /** What goes wrong with this request, or undefined. Used up by being asked for. */
  take(action: string): Fault | undefined {
    return (
      this.#next.get(action)?.shift() ??
      this.#next.get('*')?.shift() ??
      this.#lasting.get(action) ??
      this.#lasting.get('*')
    )
  }
}
