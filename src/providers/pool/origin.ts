import { FailedPreconditionError, InvalidArgumentError } from '../../libstorage/errors.ts'
import type { VolumeSource, VolumeSpec } from '../../libstorage/types.ts'
import type { Content } from './content.ts'
import type { Copier } from './copy.ts'
import type { FillContent, Pool } from './pool.ts'
import type { SnapshotShelf } from './snapshot-shelf.ts'

/** Where the first bytes of volumes come from: nowhere, a snapshot, or another volume. */
export class Origin {
  readonly #pool: Pool
  readonly #content: Content
  readonly #shelf: SnapshotShelf
  readonly #copier: Copier

  constructor(pool: Pool, content: Content, shelf: SnapshotShelf, copier: Copier) {
    this.#pool = pool
    this.#content = content
    this.#shelf = shelf
    this.#copier = copier
  }

  /** How a volume of this spec gets its content. Rejects with `InvalidArgumentError` where it is smaller than its source. */
  async of({ source, sizeGiB }: VolumeSpec, signal: AbortSignal): Promise<FillContent> {
    if (source === undefined)
      return (path) => this.#pool.turn(() => this.#content.make(path, sizeGiB), signal)
    const least = await this.#leastGiB(source, signal)
    if (sizeGiB < least)
      throw new InvalidArgumentError({
        subject: 'option size',
        problem: `is ${sizeGiB} where ${source.kind} ${source.id} has ${least} GiB`,
        remedy: `ask for ${least} or more, or leave it out`,
      })
    return async (path) => {
      await this.copy(source, path, signal)
      await this.#content.grow(path, sizeGiB, signal)
    }
  }

  async #leastGiB(source: VolumeSource, signal: AbortSignal): Promise<number> {
    if (source.kind === 'volume') return (await this.#pool.byId(source.id, signal)).sizeGiB
    const { state, sizeGiB } = await this.#shelf.byId(source.id, signal)
    if (state !== 'error') return sizeGiB
    throw new FailedPreconditionError({
      subject: `snapshot ${source.id}`,
      problem: 'is damaged',
      remedy: 'remove it, and use another',
    })
  }

  /** Copies what a snapshot or volume holds to a path where nothing is. */
  async copy(source: VolumeSource, path: string, signal: AbortSignal): Promise<void> {
    if (source.kind === 'volume') return await this.#copier.ofVolume(source.id, path, signal)
    const from = this.#shelf.contentOf(source.id)
    const spec = { atOnce: false, name: source.id, signal }
    await this.#pool.apart(signal, () => this.#content.copy(from, path, spec))
  }
}
