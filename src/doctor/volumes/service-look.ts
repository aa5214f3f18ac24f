import { isDeepStrictEqual } from 'node:util'
import { TimeoutError } from '../../libstorage/errors.ts'
import type { Run } from '../../libstorage/run.ts'
import type { Provider } from '../../libstorage/storage-driver.ts'
import type { Instance, Volume, VolumeAttachment } from '../../libstorage/types.ts'
import { poll, timeLimit, untilAborted } from '../../libstorage/wait.ts'
import type { RecordedEvent } from '../../mount/event-log.ts'
import { lookAtEvents } from '../../mount/event-look.ts'
import { type LedgerLook, lookAtLedger } from '../../mount/ledger-look.ts'
import { type LedgerRecord, recordedAttachment } from '../../mount/ledger-record.ts'
import { deviceIdentity } from '../../mount/linux/device.ts'
import { numberOfDevice, readMounts } from '../../mount/linux/mountinfo.ts'
import type { MountEntry } from '../../mount/mounter.ts'
import { createPlaces, type Places } from '../../mount/places.ts'
import { placeOf } from '../../mount/recorded-place.ts'
import type { MountSettings } from '../../mount/settings.ts'

/** How long a platform may take to answer the doctor, in milliseconds. */
const PLATFORM_MS = 4_000

/** How long the folder of mount points may take to answer, in milliseconds. */
const FOLDER_MS = 3_000

/** How long what is noted about a volume has to stand to be believed where the platform says otherwise, in milliseconds. */
const STAY_MS = 1_500

/** What the look at one service is made from. */
export interface ServiceLookParts {
  readonly service: string
  readonly settings: MountSettings
  readonly storage: Provider['storage']
  /** The folder of its mount points, as configured. */
  readonly mountFolder: string
  readonly reservedNames: ReadonlySet<string>
  /** Where older versions mounted. */
  readonly olderFolders: () => readonly string[]
  readonly ledgerFolder: string
  readonly logDirectory: string
  /** Opens the provider for looking only. */
  readonly openProvider: () => Promise<Provider>
  /** The process of the running server, whose mounts count; undefined where none runs. */
  readonly server: () => Promise<number | undefined>
  readonly run: Run
  readonly now: () => Date
}

/** What the platform says. */
export interface PlatformLook {
  readonly provider: Provider
  readonly here: Instance
  /** All volumes, those of other zones too. */
  readonly volumes: readonly Volume[]
}

/** Where volumes are found. */
export interface LookedAtPlaces {
  /** The folders that mount points lie in. */
  readonly folders: readonly string[]
  readonly places: Places
}

/** One service as all its checks see it: each thing is looked at once, and nothing is changed. */
export class ServiceLook {
  readonly parts: ServiceLookParts
  #platform: Promise<PlatformLook> | undefined
  #ledger: Promise<LedgerLook> | undefined
  #events: Promise<readonly RecordedEvent[]> | undefined
  #places: Promise<LookedAtPlaces> | undefined
  #mounts: Promise<readonly MountEntry[]> | undefined

  constructor(parts: ServiceLookParts) {
    this.parts = parts
  }

  /** Rejects with a `StorageError` where the platform cannot be asked, or does not answer in time. */
  platform(): Promise<PlatformLook> {
    this.#platform ??= this.#askPlatform()
    return this.#platform
  }

  ledger(): Promise<LedgerLook> {
    this.#ledger ??= lookAtLedger(this.parts.ledgerFolder, this.parts.service)
    return this.#ledger
  }

  /** Whether a record that was seen stands for a while as it is; what is under way changes it. */
  async stays(record: LedgerRecord): Promise<boolean> {
    const { ledgerFolder, service } = this.parts
    const hasChanged = async () => {
      const { records } = await lookAtLedger(ledgerFolder, service)
      const now = records.find(({ volume }) => volume.id === record.volume.id)
      return isDeepStrictEqual(now, record) ? undefined : true
    }
    return (await poll(hasChanged, { intervalMs: 200, timeoutMs: STAY_MS })) === undefined
  }

  /** Where volumes are found, by the names that the kernel has for those folders. */
  places(): Promise<LookedAtPlaces> {
    this.#places ??= this.#lookAtPlaces()
    return this.#places
  }

  /** The newest events of this service, the oldest first. */
  events(): Promise<readonly RecordedEvent[]> {
    const { logDirectory, run, service } = this.parts
    this.#events ??= lookAtEvents(logDirectory, run).then((all) =>
      all.filter((event) => event.service === service),
    )
    return this.#events
  }

  /** The mounts of the namespace in which volumes are mounted: the server's where it can be seen. */
  mounts(): Promise<readonly MountEntry[]> {
    this.#mounts ??= this.parts.server().then((pid) => readMounts(pid ?? 'self'))
    return this.#mounts
  }

  /** What the kernel shows of a record's mount. */
  async mountOf(record: LedgerRecord): Promise<SeenMount> {
    const { mount } = record
    if (mount === undefined) return { state: 'absent' }
    const { mountPoint } = placeOf(await this.places(), record)
    const entry = (await this.mounts()).findLast((one) => one.mountPoint === mountPoint)
    if (entry === undefined) return { state: 'absent' }
    const number = numberOfDevice(mount.device)
    const identity = deviceIdentity(mount.device)
    const isOther = mount.identity !== undefined && identity !== mount.identity
    if (number === undefined || identity === undefined || isOther) return { state: 'dead', entry }
    if (entry.deviceNumber !== number) return { state: 'absent' }
    return { state: entry.failedReadOnly ? 'failed' : 'mounted', entry }
  }

  /** The device of a volume that is attached here; undefined while it is not there. */
  async device(attachment: VolumeAttachment): Promise<string | undefined> {
    const { provider } = await this.platform()
    const signal = timeLimit(PLATFORM_MS)
    return await untilAborted(provider.executor.device(attachment, { signal }), signal)
  }

  /** The device of a record's attachment, by the record where the platform cannot be asked. */
  async deviceOf(record: LedgerRecord): Promise<string | undefined> {
    const attachment = recordedAttachment(record)
    return record.mount?.device ?? (attachment && (await this.device(attachment)))
  }

  /** A folder may lie on a disk that hangs: it is asked for in a child. */
  async #lookAtPlaces(): Promise<LookedAtPlaces> {
    const { mountFolder, settings, reservedNames, olderFolders, run } = this.parts
    const real = await run('realpath', ['-m', '--', mountFolder], { timeoutMs: FOLDER_MS })
    const folder = real.exitCode === 0 ? real.stdout.trimEnd() : mountFolder
    const folders = [...new Set([folder, ...olderFolders()])]
    const { rootPath } = settings.mount
    return { folders, places: createPlaces(folder, rootPath, reservedNames, folders) }
  }

  async #askPlatform(): Promise<PlatformLook> {
    const signal = timeLimit(PLATFORM_MS)
    try {
      return await untilAborted(this.#ask(signal), signal)
    } catch (error) {
      if (!signal.aborted) throw error
      throw new TimeoutError({
        subject: `the platform of service ${this.parts.service}`,
        problem: `does not answer within ${PLATFORM_MS / 1_000} s`,
        remedy: 'see whether its network or its disk hangs',
        cause: error,
      })
    }
  }

  async #ask(signal: AbortSignal): Promise<PlatformLook> {
    const provider = await this.parts.openProvider()
    const [here, volumes] = await Promise.all([
      provider.executor.instance({ signal }),
      provider.driver.volumes({ anyZone: true }, { signal }),
    ])
    return { provider, here, volumes }
  }
}

/**
 * A mount that is recorded, as the kernel shows it. `failed`: its file system turned itself read-only by an error. `dead`:
 * its device is gone, or is another one by now.
 */
export type SeenMount =
  | { readonly state: 'absent' }
  | { readonly state: 'mounted' | 'failed' | 'dead'; readonly entry: MountEntry }
