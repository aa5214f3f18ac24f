import { FailedPreconditionError, TimeoutError } from '../../../src/libstorage/errors.ts'
import type { DeviceContent, Mounter, ToolStarting } from '../../../src/mount/mounter.ts'
import type { Chance } from './chance.ts'
import type { Chronicle } from './chronicle.ts'
import type { Faults } from './faults.ts'
import type { Life } from './life.ts'
import type { Referee } from './referee.ts'
import type { WorldKernel } from './world-kernel.ts'
import type { Kept, WorldPlatform } from './world-platform.ts'

const GIB = 1_073_741_824

/** What the mounter of one process is made from. */
export interface MounterParts {
  readonly machineId: string
  readonly life: Life
  readonly kernel: WorldKernel
  /** Whether another machine has this volume mounted and can write to it. */
  readonly isWritableElsewhere: (volumeId: string) => boolean
  readonly platform: WorldPlatform
  readonly referee: Referee
  readonly chance: Chance
  readonly chronicle: Chronicle
  readonly faults: Faults
}

/** A machine's kernel and tools as one of its processes uses them. */
export function worldMounter(parts: MounterParts): Mounter {
  return { ...looks(parts), ...tools(parts), ...mountCalls(parts), ...elsewhere() }
}

type Looks =
  | 'mounts'
  | 'deviceNumber'
  | 'deviceIdentity'
  | 'exclusiveOpen'
  | 'serves'
  | 'answers'
  | 'identify'
  | 'isFinished'
  | 'findData'
  | 'unfilled'
  | 'sizeOf'
type Rest =
  | 'linkDirectory'
  | 'unlinkDirectory'
  | 'linkedDirectory'
  | 'usage'
  | 'directoryUsage'
  | 'tryMountOptions'
  | 'flush'
  | 'freeze'
  | 'thaw'
  | 'tellApart'
type Tools = 'requireMaker' | 'wipeSignatures' | 'makeFileSystem' | 'check' | 'grow' | 'users'
type MountCalls = Exclude<keyof Mounter, Looks | Rest | Tools>

function looks({ life, kernel, faults }: MounterParts): Pick<Mounter, Looks> {
  const contentOf = (device: string): DeviceContent => {
    requireLive(kernel, device)
    const { content } = kernel.volumeOn(device).disk
    if (faults.everythingLooksBlank) return { kind: 'nothing' }
    return content.kind === 'blank' || content.kind === 'half' ? { kind: 'nothing' } : content
  }
  return {
    mounts: () =>
      kernel.mounts.map(({ mountPoint, device, fsType }) => ({
        mountPoint,
        deviceNumber: device,
        source: device,
        fsType,
        failedReadOnly: false,
      })),
    deviceNumber: (device) => (kernel.isLive(device) ? device : undefined),
    deviceIdentity: (device) => (kernel.isLive(device) ? `disk ${device}` : undefined),
    exclusiveOpen: (device) =>
      life.effect(`exclusive open of ${device}`, () => {
        requireLive(kernel, device)
        return kernel.isHeld(device) && !faults.exclusiveOpenSaysFree ? 'held' : 'free'
      }),
    serves: async () => true,
    answers: (device) => life.effect(`read of ${device}`, () => kernel.isLive(device)),
    identify: (device) => life.effect(`blkid ${device}`, () => contentOf(device)),
    isFinished: (device) => life.effect(`superblock of ${device}`, () => kernel.isLive(device)),
    findData: (device) =>
      life.effect(`blank test of ${device}`, () => {
        requireLive(kernel, device)
        if (faults.everythingLooksBlank) return undefined
        const { content } = kernel.volumeOn(device).disk
        return content.kind === 'blank' ? undefined : 'has data at byte 1024'
      }),
    unfilled: (device) =>
      life.effect(`size of ${device}`, () => {
        requireLive(kernel, device)
        const { facts, disk } = kernel.volumeOn(device)
        return (facts.sizeGiB - disk.usedGiB) * GIB
      }),
    sizeOf: (device) => (kernel.isLive(device) ? kernel.volumeOn(device).facts.sizeGiB * GIB : 0),
  }
}

function tools(parts: MounterParts): Pick<Mounter, Tools> {
  const { life, kernel, chance, referee, machineId, faults } = parts
  const run = async (
    device: string,
    command: string,
    starting: ToolStarting,
    ms: number,
    work: { begin: () => void; end: () => void },
    online = false,
  ) => {
    let isAtWork = false
    const pid = await life.effect(`${command} ${device}`, () => {
      requireLive(kernel, device)
      if (!online && kernel.isHeld(device))
        throw new FailedPreconditionError({ subject: device, problem: 'is in use' })
      const started = kernel.startTool(device)
      // A tool that was not told to go ends with whoever would have told it.
      void life.ended.then(() => isAtWork || kernel.endTool(started))
      return started
    })
    const process = { bootId: kernel.bootId(), pidNamespace: 'pid:[1]', pid, startTime: '1' }
    await starting({ command, process, since: new Date().toISOString() })
    await life.pass(`before: work of ${command}`)
    isAtWork = true
    work.begin()
    const ended = await kernel.runTool(pid, ms, work.end)
    await life.pass(`after: work of ${command}`)
    if (ended === 'killed')
      throw new FailedPreconditionError({ subject: command, problem: `failed on ${device}` })
  }
  return {
    requireMaker: async () => {},
    wipeSignatures: ({ device }) =>
      life.effect(`wipefs ${device}`, () => {
        requireLive(kernel, device)
        const kept = kernel.volumeOn(device)
        referee.onFormat(machineId, kept)
        kept.disk.content = { kind: 'half' }
      }),
    makeFileSystem: async ({ device }, { fsType, uuid }, starting) => {
      const { disk, facts } = kernel.volumeOn(device)
      await run(device, `mkfs.${fsType}`, starting, chance.between(100, 12_000), {
        begin: () => {
          referee.onFormat(machineId, kernel.volumeOn(device))
          disk.content = { kind: 'half' }
        },
        end: () => {
          disk.content = { kind: 'file-system', fsType, uuid }
          disk.usedGiB = facts.sizeGiB
        },
      })
    },
    check: ({ device }, _fsType, starting, depth) => {
      const { disk } = kernel.volumeOn(device)
      const end = () => {
        if (depth === 'thorough' && !faults.checksAreQuick) disk.isTorn = false
      }
      return run(device, 'e2fsck', starting, chance.between(20, 500), { begin() {}, end })
    },
    grow: ({ device, mountPoint }, starting) => {
      const kept = kernel.volumeOn(device)
      const { disk } = kept
      const online = mountPoint !== undefined
      const begin = () => {
        refuseTorn(parts, kept)
        // A mounted file system has its journal.
        disk.isTorn = !online
      }
      const end = () => {
        disk.isTorn = false
        if (!faults.growsNothing) disk.usedGiB = kept.facts.sizeGiB
      }
      const ms = chance.between(20, 5_000)
      return run(device, 'resize2fs', starting, ms, { begin, end }, online)
    },
    users: async () => ['pid 4711 (postgres)'],
  }
}

function mountCalls(parts: MounterParts): Pick<Mounter, MountCalls> {
  const { life, kernel, chronicle, machineId, faults } = parts
  return {
    prepareMountPoint: (mountPoint) => life.effect(`mkdir ${mountPoint}`, () => {}),
    removeMountPoint: (mountPoint) =>
      life.effect(`rmdir ${mountPoint}`, () => kernel.removeMountPoint(mountPoint)),
    mount: ({ device }, mountPoint, fsType) =>
      life.effect(`mount ${device}`, () => {
        requireLive(kernel, device)
        const { facts, disk } = kernel.volumeOn(device)
        if (disk.content.kind !== 'file-system' || disk.content.fsType !== fsType)
          throw new FailedPreconditionError({ subject: device, problem: 'has a wrong fs type' })
        chronicle.say(`${machineId}: mount ${facts.name}`)
        refuseTorn(parts, { facts, disk })
        if (parts.isWritableElsewhere(facts.id))
          chronicle.violated(
            `${machineId} mounts ${facts.name}, which another machine can write to`,
          )
        disk.wasMounted = true
        kernel.mounts.push({ mountPoint, device, fsType })
      }),
    unmount: (mountPoint) =>
      life.effect(`umount ${mountPoint}`, () => {
        if (kernel.isBusy(mountPoint)) return 'busy'
        const topmost = kernel.topmostAt(mountPoint)
        if (topmost === undefined || faults.unmountDoesNothing) return 'unmounted'
        chronicle.say(`${machineId}: unmount ${mountPoint}`)
        kernel.mounts.splice(kernel.mounts.lastIndexOf(topmost), 1)
        return 'unmounted'
      }),
    unmountLazily: (mountPoint) =>
      life.effect(`umount -l ${mountPoint}`, () => {
        const topmost = kernel.topmostAt(mountPoint)
        if (topmost === undefined) return
        chronicle.say(`${machineId}: unmount lazily ${mountPoint}`)
        if (kernel.isLive(topmost.device))
          chronicle.violated(`${machineId} takes ${mountPoint} away lazily, and its device works`)
        kernel.mounts.splice(kernel.mounts.lastIndexOf(topmost), 1)
      }),
    prepareDataFolder: ({ mountPoint }) =>
      life.effect(`mkdir in ${mountPoint}`, () => {
        if (kernel.topmostAt(mountPoint) === undefined)
          throw new FailedPreconditionError({ subject: mountPoint, problem: 'is no mount' })
      }),
  }
}

/** In a world nothing is copied. */
function elsewhere(): Pick<Mounter, Rest> {
  return {
    flush: async () => {},
    freeze: async () => ({ thaw: async () => {} }),
    thaw: async () => {},
    tellApart: async () => {},
    linkDirectory: async () => {},
    unlinkDirectory: async () => {},
    linkedDirectory: async () => undefined,
    usage: async () => ({ usedBytes: 4096, freeBytes: 8192 }),
    directoryUsage: async () => ({ usedBytes: 4096, freeBytes: 8192 }),
    tryMountOptions: async () => {},
  }
}

/** What a resize2fs has left that was killed is for a thorough check alone. */
function refuseTorn(
  { chronicle, machineId }: MounterParts,
  { facts, disk }: Pick<Kept, 'facts' | 'disk'>,
): void {
  if (disk.isTorn)
    chronicle.violated(`${machineId} uses ${facts.name}, whose growth was cut short, unchecked`)
}

function requireLive(kernel: WorldKernel, device: string): void {
  if (kernel.isLive(device)) return
  throw new TimeoutError({ subject: device, problem: 'cannot be read' })
}
