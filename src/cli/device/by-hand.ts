import { randomUUID } from 'node:crypto'
import { mkdir, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import {
  FailedPreconditionError,
  InvalidArgumentError,
  systemCode,
} from '../../libstorage/errors.ts'
import { NEW_FILE_SYSTEMS } from '../../libstorage/file-system.ts'
import { run } from '../../libstorage/run.ts'
import { ToolRunner } from '../../libstorage/tool-runner.ts'
import { olderFolders } from '../../mount/create-mount-manager.ts'
import { createLinuxMounter } from '../../mount/linux/linux-mounter.ts'
import { requireMountOptions } from '../../mount/mount-options.ts'
import type { Mounter } from '../../mount/mounter.ts'
import type { CommandContext } from '../context.ts'
import type { DeviceOptions } from './group.ts'

/** Mounts a file system that is there, after a check where nobody else has it. */
export async function mountDevice(
  context: CommandContext,
  { deviceName = '', mountPoint = '', mountOptions = '' }: DeviceOptions,
): Promise<number> {
  const place = await canonical(resolve(mountPoint))
  await refuseVolumes(context, place)
  const options = requireMountOptions(mountOptions)
  return await withMounter(context, async (mounter) => {
    const disk = { device: deviceName, identity: mounter.deviceIdentity(deviceName) }
    const content = await mounter.identify(deviceName)
    if (content.kind !== 'file-system') {
      const what = content.kind === 'foreign' ? `has ${content.what}` : 'has no file system'
      throw refused(deviceName, what, 'make one by device format, where it is blank')
    }
    if ((await mounter.exclusiveOpen(deviceName)) === 'free') {
      await mounter.check(disk, content.fsType, async () => undefined)
    }
    await mkdir(place, { recursive: true })
    await mounter.mount(disk, place, content.fsType, options)
    context.stdout.write(`${place}\n`)
  })
}

/** Unmounts what is mounted at a place that is no volume's. */
export async function unmountDevice(
  context: CommandContext,
  { mountPoint = '' }: DeviceOptions,
): Promise<number> {
  const place = await canonical(resolve(mountPoint))
  await refuseVolumes(context, place)
  return await withMounter(context, async (mounter) => {
    if (!mounter.mounts().some((mount) => mount.mountPoint === place)) {
      throw refused(place, 'is no mount point', 'look at device ls')
    }
    if ((await mounter.unmount(place)) === 'unmounted') return
    throw refused(place, 'is in use', `stop what uses it: fuser -vm ${place}`)
  })
}

/** Makes a file system on a device that nobody holds and that is found blank; anything else stays as it is. */
export async function formatDevice(
  context: CommandContext,
  { deviceName = '', fsType = 'ext4' }: DeviceOptions,
): Promise<number> {
  const wanted = NEW_FILE_SYSTEMS.find((type) => type === fsType.toLowerCase())
  if (wanted === undefined) {
    throw new InvalidArgumentError({
      subject: `--fsType ${fsType}`,
      problem: 'cannot be made',
      remedy: `use one of ${NEW_FILE_SYSTEMS.join(', ')}`,
    })
  }
  return await withMounter(context, async (mounter) => {
    await mounter.requireMaker(wanted)
    const disk = { device: deviceName, identity: mounter.deviceIdentity(deviceName) }
    if ((await mounter.exclusiveOpen(deviceName)) === 'held') {
      throw refused(deviceName, 'is in use', 'stop what uses it')
    }
    const sizeBytes = mounter.sizeOf(deviceName)
    const found = await mounter.findData(deviceName, { sizeBytes, sampled: true })
    if (found !== undefined) {
      throw refused(deviceName, found, 'wipe it by hand if nothing on it is of value')
    }
    const spec = { fsType: wanted, uuid: randomUUID(), label: '' }
    await mounter.makeFileSystem(disk, spec, async () => undefined)
  })
}

/** What the server mounts is the server's to unmount, also what it has left where older versions had it. */
async function refuseVolumes({ host, flags }: CommandContext, place: string): Promise<void> {
  const { directories, services, resolveService } = await host.loadConfig(flags())
  const { lib } = directories
  const unnamed = resolveService('loop', 'loop')
  const configured = [unnamed, ...services].map(({ operations }) => operations.mount.path)
  const folders = new Set([...configured, join(lib, 'volumes'), ...olderFolders(lib)])
  for (const folder of folders) {
    const real = await canonical(folder)
    if (place !== real && !place.startsWith(`${real}/`)) continue
    throw refused(
      place,
      `lies in ${folder}, where volumes are mounted`,
      'use volume mount or unmount',
    )
  }
}

/** The path as the kernel names it, as far as there is anything that answers: a dead disk's mount point is no link. */
async function canonical(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    const parent = dirname(path)
    if (parent === path || systemCode(error) === undefined) throw error
    return join(await canonical(parent), basename(path))
  }
}

async function withMounter(
  { host }: CommandContext,
  work: (mounter: Mounter) => Promise<void>,
): Promise<number> {
  const scratchDirectory = join((await host.directories()).run, 'scratch')
  const tools = new ToolRunner({ scratchDirectory, atOnce: 2, turnMs: 100 })
  try {
    await work(createLinuxMounter(run, tools.runBehindGate, scratchDirectory))
    return 0
  } finally {
    await tools.close()
  }
}

function refused(subject: string, problem: string, remedy: string): FailedPreconditionError {
  return new FailedPreconditionError({ subject, problem, remedy })
}
