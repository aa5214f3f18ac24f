import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { numberOfDevice, parseMountInfo } from './mountinfo.ts'

/** At most so many are named. */
const NAMED = 5

/**
 * The processes that have a file open beneath the mount point, or that live in a mount namespace of their own where the
 * device is mounted. Looks at /proc alone, which never waits for a disk.
 */
export function findUsers(mountPoint: string, deviceNumber: string | undefined): string[] {
  const ourNamespace = namespaceOf('self')
  const uses = (pid: string): boolean => {
    const namespace = namespaceOf(pid)
    if (namespace === undefined) return false
    if (namespace === ourNamespace)
      return openPaths(pid).some((file) => isBeneath(file, mountPoint))
    return deviceNumber !== undefined && mountsDevice(pid, deviceNumber)
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids
    .filter(uses)
    .slice(0, NAMED)
    .map((pid) => `pid ${pid} (${commandOf(pid)})`)
}

function namespaceOf(pid: string): string | undefined {
  return readLink(`/proc/${pid}/ns/mnt`)
}

function openPaths(pid: string): string[] {
  const descriptors = readFolder(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`)
  const links = [`/proc/${pid}/cwd`, `/proc/${pid}/root`, `/proc/${pid}/exe`, ...descriptors]
  return links.flatMap((link) => readLink(link) ?? [])
}

function mountsDevice(pid: string, deviceNumber: string): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    return parseMountInfo(text, numberOfDevice).some((entry) => entry.deviceNumber === deviceNumber)
  } catch {
    return false
  }
}

function isBeneath(file: string, folder: string): boolean {
  return file === folder || file.startsWith(`${folder}/`)
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return 'gone'
  }
}

function readLink(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch {
    return undefined
  }
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
