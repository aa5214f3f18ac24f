/** A promise of `docs/semantics.md`, and the tests that show it. */
export interface ShownPromise {
  /** The heading that it stands under. */
  readonly section: string
  /** The first words of its item, without bold marks; of the row of a table, its whole first cell. */
  readonly begins: string
  /** Each is `<file> > <title>`; of a title its beginning is enough, and of many made by a template that is meant. */
  readonly shownBy: readonly string[]
}
