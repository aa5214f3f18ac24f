import { readFileSync, realpathSync } from 'node:fs'
import path from 'node:path'
import type { MountEntry } from '../mounter.ts'
import { reachableLines } from './reachable.ts'

/** Parses the text of /proc/<pid>/mountinfo (proc(5)); lines that are not of its form are left out. */
export function parseMountInfo(
  text: string,
  resolveSource: (source: string) => string | undefined,
): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ')
    const separator = fields.indexOf('-', 6)
    const [deviceNumber, mountPoint, options = ''] = [fields[2], fields[4], fields[5]]
    const [fsType, source, superOptions = ''] = fields.slice(separator + 1)
    if (
      separator < 0 ||
      deviceNumber === undefined ||
      mountPoint === undefined ||
      fsType === undefined
    )
      return []
    const real = fsType === 'btrfs' ? resolveSource(unescapeOctal(source ?? '')) : undefined
    return [
      {
        mountPoint: unescapeOctal(mountPoint),
        deviceNumber: real ?? deviceNumber,
        source: unescapeOctal(source ?? ''),
        fsType,
        failedReadOnly:
          options.split(',').includes('rw') &&
          /(^|,)((emergency_)?ro|shutdown)(,|$)/.test(superOptions),
      },
    ]
  })
}

/** The mounts of a process's namespace, this one's unless named, that a path leads to, the topmost of a mount point last. */
export function readMounts(pid: number | 'self' = 'self'): MountEntry[] {
  const lines = reachableLines(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'))
  return parseMountInfo(lines.join('\n'), numberOfDevice)
}

/** `major:minor` of a block device by its path, or undefined when there is none. Looks at sysfs alone. */
export function numberOfDevice(device: string): string | undefined {
  try {
    return readFileSync(
      `/sys/class/block/${path.basename(device).replaceAll('/', '!')}/dev`,
      'utf8',
    ).trim()
  } catch {
    return undefined
  }
}

/** The path of a block device by its `major:minor`, or undefined when it is gone. Looks at sysfs alone. */
export function deviceOfNumber(deviceNumber: string): string | undefined {
  try {
    const name = path.basename(realpathSync(`/sys/dev/block/${deviceNumber}`))
    return `/dev/${name.replaceAll('!', '/')}`
  } catch {
    return undefined
  }
}

/** Space, tab, newline and backslash are written as \040, \011, \012 and \134. */
export function unescapeOctal(text: string): string {
  return text.replaceAll(/(?:\\[0-7]{3})+/g, (run) =>
    Buffer.from(
      run
        .split('\\')
        .slice(1)
        .map((digits) => Number.parseInt(digits, 8)),
    ).toString(),
  )
}
