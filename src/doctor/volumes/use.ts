import { readdirSync } from 'node:fs'
import path from 'node:path'
import { numberOfDevice } from '../../mount/linux/mountinfo.ts'
import { findUsers } from '../../mount/linux/users.ts'
import type { ServiceLook } from './service-look.ts'
import type { Known } from './wording.ts'

/**
 * Whether anything uses the disk of a volume, also what is none of ours: it is mounted, it or a partition of it; something is
 * built on it, such as LVM; it is swapped on; a process has it open. Opens nothing.
 */
export async function isInUse(
  look: ServiceLook,
  { name }: Pick<Known, 'name'>,
  device: string,
): Promise<boolean> {
  const [mounts, { places }] = await Promise.all([look.mounts(), look.places()])
  const { mountPoint } = places.of(name)
  return withPartitions(device).some((one) => {
    if (mounts.some(({ source }) => source === one)) return true
    const number = numberOfDevice(one)
    return number !== undefined && findUsers(mountPoint, number).length > 0
  })
}

/** A disk and its partitions, each by its path. */
export function withPartitions(device: string, sysfs = '/sys'): readonly string[] {
  const name = path.basename(device)
  return [device, ...childrenOf(name, sysfs).map((part) => path.join(path.dirname(device), part))]
}

/** A folder for each partition, called after the disk (Linux, Documentation/ABI/testing/sysfs-block). */
function childrenOf(name: string, sysfs: string): readonly string[] {
  try {
    return readdirSync(path.join(sysfs, 'class/block', name)).filter((one) => one.startsWith(name))
  } catch {
    return []
  }
}
