import { readFileSync } from 'node:fs'
import { numberOfDevice, parseMountInfo } from '../../mount/linux/mountinfo.ts'
import type { MountEntry } from '../../mount/mounter.ts'
import type { CommandContext } from '../context.ts'
import { compareTexts, type Listing, openPrinter } from '../output/printer.ts'
import { TemplateObject } from '../output/template/values.ts'
import type { DeviceOptions } from './group.ts'

interface NumberedMount extends MountEntry {
  /** The kernel's number of the mount; field 1 of mountinfo, proc(5). */
  readonly id: number
}

/** Prints the mounts of this process's namespace, in the order of their sources. */
export async function listMounts(
  { stdout }: CommandContext,
  options: DeviceOptions,
): Promise<number> {
  const print = await openPrinter(LISTING, options)
  const { deviceName, mountPoint } = options
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) =>
      parseMountInfo(line, numberOfDevice).map((entry) => ({
        ...entry,
        id: Number.parseInt(line, 10),
      })),
    )
    .filter(({ source }) => deviceName === undefined || source === deviceName)
    .filter((entry) => mountPoint === undefined || entry.mountPoint === mountPoint)
  stdout.write(print(mounts))
  return 0
}

const LISTING: Listing<NumberedMount> = {
  columns: () => [
    { heading: 'ID', text: ({ id }) => String(id) },
    { heading: 'Device', text: ({ source }) => source },
    { heading: 'MountPoint', text: ({ mountPoint }) => mountPoint },
  ],
  report: mountReport,
  fields: (mount) =>
    new TemplateObject(
      'a mount',
      { ID: mount.id, MountPoint: mount.mountPoint, FSType: mount.fsType, Source: mount.source },
      mountReport(mount),
    ),
  compare: (a, b) => compareTexts(a.source, b.source) || compareTexts(a.mountPoint, b.mountPoint),
  sample: {
    id: 1,
    mountPoint: '/',
    source: '/dev/sda',
    fsType: 'ext4',
    deviceNumber: '8:0',
    failedReadOnly: false,
  },
}

function mountReport({ id, mountPoint, fsType, source }: NumberedMount): object {
  return { id, mountPoint, fsType, source }
}
