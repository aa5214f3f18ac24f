import { readBootId } from '../../libstorage/process-identity.ts'
import type { Names } from './look.ts'
import { fewReader, manyReader, type Reader } from './reader.ts'
import { type StoredVolume, storedVolume } from './stored-volume.ts'

/** Volumes that are read in one turn: few enough to be done soon even where every one is a move of a disk's head. */
const READ_AT_ONCE = 64

/** Reads volumes by their folders. What is no volume, or none any more, is left out. */
export class VolumeReader {
  readonly #names: Names
  readonly #isShared: () => Promise<boolean>
  readonly #few: Reader
  readonly #bootId = readBootId()

  constructor(names: Names, isShared: () => Promise<boolean>) {
    this.#names = names
    this.#isShared = isShared
    this.#few = fewReader(names)
  }

  /** The volume in a folder, within a turn of the caller. `known` is the folder's name where it was moved out of sight. */
  async one(folder: string, known?: string): Promise<StoredVolume | undefined> {
    const [volume] = await this.#read([folder], this.#few, known)
    return volume
  }

  /** The volumes in all these folders, for which it takes turns of its own. */
  async all(
    folders: readonly string[],
    turn: (work: () => Promise<StoredVolume[]>) => Promise<StoredVolume[]>,
  ): Promise<StoredVolume[]> {
    const volumes: StoredVolume[] = []
    const reader = folders.length > READ_AT_ONCE ? manyReader(this.#names) : this.#few
    try {
      for (let at = 0; at < folders.length; at += READ_AT_ONCE) {
        const next = folders.slice(at, at + READ_AT_ONCE)
        volumes.push(...(await turn(() => this.#read(next, reader))))
      }
    } finally {
      reader.end()
    }
    return volumes
  }

  async #read(folders: readonly string[], reader: Reader, known?: string): Promise<StoredVolume[]> {
    const sights = (await reader.read(folders)).filter((sight) => sight !== undefined)
    const volumes = sights.map((sight) => storedVolume(sight, this.#names, known))
    const isForeign = ({ claim }: StoredVolume) => claim && claim.bootId !== this.#bootId
    const isElsewhere = volumes.some(isForeign) && (await this.#isShared())
    return volumes.map((volume) => (isForeign(volume) ? { ...volume, isElsewhere } : volume))
  }
}
