/** Lets many who ask the same thing at once share one answer. */
export class SingleFlight<T> {
  readonly #underWay = new Map<string, Promise<T>>()

  /** Joins the question of this key that is under way, or asks it. */
  do(key: string, ask: () => Promise<T>): Promise<T> {
    const underWay = this.#underWay.get(key)
    if (underWay !== undefined) return underWay
    const asked = ask().finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, asked)
    return asked
  }
}
