import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import type { InstanceId, Volume, VolumeSpec } from '../../../src/libstorage/types.ts'

/** A provider under test, with what the suite has to know of its world. */
export interface DriverUnderTest {
  readonly provider: Provider
  /** The same platform as this machine sees it from another process: what a restart leaves is what this one finds. */
  readonly restarted: () => Promise<Provider>
  /** Another machine of the platform, and how it sees it. */
  readonly otherInstance: InstanceId
  readonly other: Provider
  /** Where many make one volume at once: one wins unless the platform gives all of them the same one. */
  readonly joinsCreations?: boolean
  /** Fields of a spec that the platform cannot fulfil. */
  readonly unsupported?: readonly Partial<VolumeSpec>[]
  /** Where nothing is changed of a volume that a running machine has. */
  readonly refusesChangesInUse?: boolean
  /** Where a volume whose change is under way is not changed again. */
  readonly changesOneByOne?: boolean
  /** Lets a program on this machine hold the device; resolves with how it lets go. Absent where nothing can. */
  readonly hold?: (device: string) => Promise<() => Promise<void>>
  /** Takes away everything the test left. */
  readonly cleanup: () => Promise<void>
}

/** An id that no volume has. */
export const UNKNOWN = 'vol-0fffffffffffffff0'

/** The provider under test, made anew for each test. */
export class World {
  readonly #create: () => Promise<DriverUnderTest>
  #subject: DriverUnderTest | undefined
  #here: InstanceId = ''

  constructor(create: () => Promise<DriverUnderTest>) {
    this.#create = create
  }

  async open(): Promise<void> {
    this.#subject = await this.#create()
    this.#here = (await this.provider.executor.instance()).id
  }

  async close(): Promise<void> {
    await this.#subject?.cleanup()
    this.#subject = undefined
  }

  get subject(): DriverUnderTest {
    if (this.#subject === undefined) throw new Error('the world is closed')
    return this.#subject
  }

  get provider(): Provider {
    return this.subject.provider
  }

  get driver(): Provider['driver'] {
    return this.provider.driver
  }

  /** This machine. */
  get here(): InstanceId {
    return this.#here
  }

  get there(): InstanceId {
    return this.subject.otherInstance
  }

  /** Lets a program on this machine hold a device; resolves with how it lets go. */
  async hold(device: string | undefined): Promise<() => Promise<void>> {
    if (this.subject.hold === undefined || device === undefined)
      throw new Error('nothing can be held')
    return await this.subject.hold(device)
  }

  make(name: string): Promise<Volume> {
    return this.driver.createVolume(spec(name))
  }

  async attachmentsOf(id: string): Promise<Volume['attachments']> {
    return (await this.driver.volume(id)).attachments
  }
}

/** The least that a volume can be. */
export function spec(name: string): VolumeSpec {
  return { name, sizeGiB: 1, labels: {} }
}

/** The ids, in an order that does not matter. */
export function idsOf(volumes: readonly Volume[]): string[] {
  return volumes.map((volume) => volume.id).sort()
}
