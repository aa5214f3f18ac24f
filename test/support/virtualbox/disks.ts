import { ApiError, SimMedium, SimProgress } from './model.ts'

const NOT_FOUND = 0x80bb0001
const FILE_ERROR = 0x80bb0004
const IPRT_ERROR = 0x80bb0005
const INVALID_OBJECT_STATE = 0x80bb0007
const NOT_SUPPORTED = 0x80bb0009
const IN_USE = 0x80bb000c
const INVALID_ARGUMENT = 0x80070057

/** The registered disks of a host, with what is done to them. */
export class SimDisks {
  readonly all: SimMedium[] = []
  /** Files that no registered disk has. */
  readonly files = new Set<string>()
  /** Those of them that are no disks. */
  readonly damaged = new Set<string>()
  /** Whether what is made stays under way, as a file that no registered disk has, until {@link finishMaking}. */
  holdsMaking = false
  /** Whether copies stay under way until then. */
  holdsCopies = false
  /** Whether the copy of a disk with a property ends the service. */
  hasCopyDefect = true
  readonly #making: (() => void)[] = []
  readonly #copies: { readonly finish: () => void; readonly interrupt: () => void }[] = []
  /** How many copies are made of a disk at this moment. */
  readonly #readers = new Map<SimMedium, number>()
  readonly #die: (why: string) => void

  /** Some sequences end the service, which is told why. */
  constructor(die: (why: string) => void) {
    this.#die = die
  }

  add(medium: SimMedium): void {
    this.all.push(medium)
  }

  openMedium(location: string): SimMedium {
    const found = this.all.find((one) => one.id === location || one.location === location)
    if (found !== undefined) return found
    if (/^[0-9a-f-]{36}$/i.test(location))
      throw new ApiError(NOT_FOUND, `Could not find an open hard disk with UUID {${location}}`)
    if (!this.files.has(location))
      throw new ApiError(
        FILE_ERROR,
        `Could not find file for the medium '${location}' (VERR_FILE_NOT_FOUND)`,
      )
    if (this.damaged.has(location))
      throw new ApiError(
        IPRT_ERROR,
        `Could not get the storage format of the medium '${location}' (VERR_NOT_SUPPORTED)`,
      )
    this.files.delete(location)
    const medium = new SimMedium(location, 'VDI')
    medium.create(2 ** 30)
    this.add(medium)
    return medium
  }

  createMedium(format: string, location: string): SimMedium {
    if (!location.startsWith('/'))
      throw new ApiError(FILE_ERROR, `The path '${location}' is not fully qualified`)
    if (!/^(vdi|vmdk|vhd)$/i.test(format))
      throw new ApiError(INVALID_ARGUMENT, `Invalid medium storage format '${format}'`)
    return new SimMedium(location, format)
  }

  createStorage(medium: SimMedium, sizeBytes: number): SimProgress {
    return this.#make(medium, sizeBytes)
  }

  /** Copies into a disk that is there and large enough: other targets are not imitated. */
  clone(source: SimMedium, target: SimMedium): SimProgress {
    if (source.state !== 'LockedRead') requireUnlocked(source, 'Failed to lock source media')
    requireUnlocked(target, 'Failed to lock target media')
    if (this.hasCopyDefect && source.properties.size > 0)
      this.#die('a disk with a property was copied')
    this.#readers.set(source, (this.#readers.get(source) ?? 0) + 1)
    source.state = 'LockedRead'
    target.state = 'LockedWrite'
    target.content = `half of ${source.content}`
    const progress = new SimProgress()
    const release = () => {
      this.#letRead(source)
      target.state = 'Created'
    }
    const finish = () => {
      release()
      target.content = source.content
      settle(progress, () => {})
    }
    if (this.holdsCopies) this.#copies.push({ finish, interrupt: release })
    else finish()
    return progress
  }

  #letRead(source: SimMedium): void {
    const others = (this.#readers.get(source) ?? 1) - 1
    this.#readers.set(source, others)
    if (others === 0) source.state = 'Created'
  }

  /** Its file is there from the beginning, its entry from the end. */
  #make(medium: SimMedium, sizeBytes: number): SimProgress {
    const progress = new SimProgress()
    const { location } = medium
    try {
      this.#requireNoFile(medium)
    } catch (error) {
      settle(progress, () => {
        throw error
      })
      return progress
    }
    this.files.add(location)
    medium.state = 'Creating'
    const finish = () => {
      this.files.delete(location)
      medium.state = 'NotCreated'
      settle(progress, () => {
        this.#requireNoFile(medium)
        medium.create(sizeBytes)
        this.all.push(medium)
      })
    }
    if (this.holdsMaking) this.#making.push(finish)
    else finish()
    return progress
  }

  /** Finishes all that is under way. */
  finishMaking(): void {
    for (const finish of this.#making.splice(0)) finish()
    for (const { finish } of this.#copies.splice(0)) finish()
  }

  /** How many copies are under way. */
  get copies(): number {
    return this.#copies.length
  }

  /** The service is killed: what it was about to copy stays as half a copy. */
  interruptCopies(): void {
    for (const { interrupt } of this.#copies.splice(0)) interrupt()
  }

  /** What is closed is no longer registered; its file stays. */
  close(medium: SimMedium): void {
    if (medium.machineIds.size > 0)
      throw new ApiError(IN_USE, `Medium '${medium.location}' is still attached`)
    medium.isClosed = true
    const index = this.all.indexOf(medium)
    if (index < 0) return
    this.all.splice(index, 1)
    this.files.add(medium.location)
  }

  resize(medium: SimMedium, sizeBytes: number): SimProgress {
    requireUnlocked(medium, 'Failed to lock media when resizing')
    return done(() => {
      if (sizeBytes < medium.sizeBytes)
        throw new ApiError(NOT_SUPPORTED, 'Shrinking is not implemented')
      // A sparse VMDK says yes and does nothing.
      if (!/vmdk/i.test(medium.format)) medium.sizeBytes = sizeBytes
    })
  }

  deleteStorage(medium: SimMedium): SimProgress {
    requireUnlocked(medium, 'Medium is locked')
    if (medium.machineIds.size > 0)
      throw new ApiError(
        IN_USE,
        `Cannot delete storage: medium '${medium.location}' is still attached`,
      )
    return done(() => {
      this.all.splice(this.all.indexOf(medium), 1)
      medium.state = 'NotCreated'
      medium.id = '00000000-0000-0000-0000-000000000000'
    })
  }

  #requireNoFile({ location }: SimMedium): void {
    if (this.files.has(location) || this.all.some((one) => one.location === location))
      throw new ApiError(
        FILE_ERROR,
        `Could not create the medium storage unit '${location}'.\nVDI: cannot create image '${location}' (VERR_ALREADY_EXISTS)`,
      )
  }
}

/** Something that is done at once. */
export function done(work: () => void): SimProgress {
  const progress = new SimProgress()
  settle(progress, work)
  return progress
}

function settle(progress: SimProgress, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    progress.error = error
  }
  progress.isDone = true
}

/** Refuses what is done to a disk that somebody has locked. */
export function requireUnlocked({ state, location }: SimMedium, why: string): void {
  if (state === 'Created' || state === 'Inaccessible') return
  throw new ApiError(INVALID_OBJECT_STATE, `${why} '${location}'`)
}
