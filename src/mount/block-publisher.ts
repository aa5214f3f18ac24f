import { FailedPreconditionError, volumeNamed } from '../libstorage/errors.ts'
import { together } from '../libstorage/wait.ts'
import { ownership } from './data-folder.ts'
import { prepareContent } from './device-content.ts'
import { type EventSink, tookMs } from './events.ts'
import { growAfterMount, growBeforeMount, growMounted, NO_GROWTH } from './growth.ts'
import type { MountEntry, Mounter } from './mounter.ts'
import type { Place } from './places.ts'
import { type AttachedVolume, mountRecords, type PlaceState, type Publisher } from './publisher.ts'
import type { MountSettings } from './settings.ts'
import { readMountWishes } from './volume-options.ts'
import { stillInUse, type VolumeSession } from './volume-session.ts'

/** Block volumes: a file system on the device, mounted at its place. */
export class BlockPublisher implements Publisher {
  readonly tellsUse = true
  readonly #mounter: Mounter
  readonly #settings: MountSettings
  readonly #service: string
  readonly #events: EventSink

  constructor(mounter: Mounter, settings: MountSettings, service: string, events: EventSink) {
    this.#mounter = mounter
    this.#settings = settings
    this.#service = service
    this.#events = events
  }

  async look(device: string, place: Place): Promise<PlaceState> {
    const entry = this.#topmostAt(place)
    if (entry === undefined) return 'absent'
    if (entry.deviceNumber !== this.#mounter.deviceNumber(device)) return 'taken'
    if (!(await this.#mounter.answers(device)) || entry.failedReadOnly) return 'dead'
    const isShutDown = entry.fsType === 'xfs' && !(await this.#mounter.serves(place.mountPoint))
    return isShutDown ? 'dead' : 'published'
  }

  isPublished(device: string, place: Place): boolean {
    const entry = this.#topmostAt(place)
    return entry !== undefined && entry.deviceNumber === this.#mounter.deviceNumber(device)
  }

  async publish(session: VolumeSession, attached: AttachedVolume): Promise<string | undefined> {
    const { volume, place } = attached
    const begun = performance.now()
    this.#requireFreePlace(place)
    const wishes = readMountWishes(volume.labels, this.#settings.create.default.fsType)
    const context = { mounter: this.#mounter, service: this.#service, events: this.#events }
    const content = await prepareContent(session, attached, wishes.fsType, context)
    // Not sooner: of what is refused, or dies in between, no record says that there is a mount point.
    const [growth] = await together([
      content.isFull ? NO_GROWTH : growBeforeMount(session, attached, content, context),
      this.#mounter.prepareMountPoint(place.mountPoint),
    ])
    await session.update({ ...mountRecords(attached), formatIntent: undefined, tool: undefined })
    session.step()
    const isLate = await this.#mount(attached, content.fsType, wishes.mountOptions)
    if (content.joined || isLate) await this.#requireAlive(attached)
    session.step()
    await this.#furnish(attached, content.formatted)
    this.#events.record({
      kind: 'mounted',
      service: this.#service,
      volume: volume.name,
      volumeId: volume.id,
      instance: attached.attachment.instanceId,
      durationMs: tookMs(begun),
    })
    return await growAfterMount(session, attached, content, growth, context)
  }

  async complete(session: VolumeSession, attached: AttachedVolume): Promise<void> {
    const { mount } = session.record
    if (mount === undefined) await this.#adopt(session, attached)
    else if (mount.mountPoint !== attached.place.mountPoint)
      await session.update(mountRecords(attached))
    await this.#furnish(attached, false)
  }

  /** What is mounted without a record has users of whom nothing is known: an Unmount takes it from them only if nobody holds it. */
  async #adopt(session: VolumeSession, attached: AttachedVolume): Promise<void> {
    await session.update({ ...mountRecords(attached), adopted: true })
    const { id, name } = attached.volume
    this.#events.record({ kind: 'adopted', service: this.#service, volume: name, volumeId: id })
  }

  async grow(session: VolumeSession, device: string, place: Place): Promise<string | undefined> {
    const fsType = this.#topmostAt(place)?.fsType
    if (fsType === undefined) return undefined
    const context = { mounter: this.#mounter, service: this.#service, events: this.#events }
    const identity = session.record.mount?.identity
    const target = { device, identity, fsType, mountPoint: place.mountPoint }
    return await growMounted(session, target, context)
  }

  async withdraw(
    device: string | undefined,
    mountPoint: string,
  ): Promise<'gone' | 'busy' | 'absent'> {
    const number = device === undefined ? undefined : this.#mounter.deviceNumber(device)
    // A device that is gone for good cannot be compared; what was recorded as ours is still ours.
    const isOurs = (entry: MountEntry) => number === undefined || entry.deviceNumber === number
    const entries = this.#mounter.mounts().filter((entry) => entry.mountPoint === mountPoint)
    const topmost = entries.at(-1)
    if (topmost === undefined || !entries.some(isOurs)) return 'absent'
    // Somebody's mount on top of ours is theirs to take away.
    if (!isOurs(topmost)) return 'busy'
    if ((await this.#mounter.unmount(mountPoint)) === 'busy') return 'busy'
    // One that took hold late lies beneath, or above, the one that was made in its place.
    const beneath = entries.filter(isOurs).length > 1
    return beneath && (await this.withdraw(device, mountPoint)) === 'busy' ? 'busy' : 'gone'
  }

  async abandon(device: string, mountPoint: string): Promise<void> {
    const number = this.#mounter.deviceNumber(device)
    const topmost = this.#mounter.mounts().findLast((entry) => entry.mountPoint === mountPoint)
    // The name of a device that is gone may be another's by now: then the mount still has its source.
    const isOurs =
      number === undefined || topmost?.deviceNumber === number || topmost?.source === device
    if (topmost !== undefined && isOurs) await this.#mounter.unmountLazily(mountPoint)
  }

  async isFree(device: string): Promise<boolean> {
    return (await this.#mounter.exclusiveOpen(device)) === 'free'
  }

  async tidy(place: Place): Promise<void> {
    // What is mounted there is another volume's of this name: even the attempt would touch its root.
    if (this.#topmostAt(place) !== undefined) return
    await this.#mounter.removeMountPoint(place.mountPoint)
  }

  users(device: string, place: Place): Promise<readonly string[]> {
    return this.#mounter.users(place.mountPoint, this.#mounter.deviceNumber(device))
  }

  /** A mount of a server that was killed may take hold just now, in the place of ours; resolves with whether it did. */
  async #mount(
    attached: AttachedVolume,
    fsType: string,
    options: readonly string[],
  ): Promise<boolean> {
    const { device, identity, place } = attached
    try {
      await this.#mounter.mount(attached, place.mountPoint, fsType, options)
      return false
    } catch (error) {
      const isSame = this.#mounter.deviceIdentity(device) === identity
      if (!isSame || !this.isPublished(device, place)) throw error
      return true
    }
  }

  async #furnish({ volume, place }: AttachedVolume, fresh: boolean): Promise<void> {
    const wishes = readMountWishes(volume.labels, this.#settings.create.default.fsType)
    await this.#mounter.prepareDataFolder({
      path: place.dataPath,
      mountPoint: place.mountPoint,
      ...ownership(wishes, this.#settings),
      onMount: true,
      fresh,
    })
  }

  #topmostAt(place: Place): MountEntry | undefined {
    return this.#mounter.mounts().findLast((entry) => entry.mountPoint === place.mountPoint)
  }

  #requireFreePlace(place: Place): void {
    const taken = this.#topmostAt(place)
    if (taken === undefined) return
    throw new FailedPreconditionError({
      subject: `mount point ${place.mountPoint}`,
      problem: `is taken by ${taken.source} (${taken.fsType})`,
      remedy: 'unmount that, or set another mount.path',
    })
  }

  /** The kernel mounts a dead file system once more without a word while somebody still holds it. */
  async #requireAlive({ volume, device, place }: AttachedVolume): Promise<void> {
    if ((await this.look(device, place)) === 'published') return
    const users = await this.users(device, place)
    await this.#mounter.unmount(place.mountPoint)
    throw stillInUse(
      volume.name,
      users,
      `end that first: its file system died (read-only or unreadable) and cannot be mounted afresh while ${volumeNamed(volume.name)} is held`,
    )
  }
}
