import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { numberOfDevice, parseMountInfo } from './mountinfo.ts'

/** At most so many are named. */
const NAMED = 5

/**
 * Who uses a mount point or its device: devices that are built on it, swapping, and the processes that have it open, or a
 * file beneath the mount point, or live in a mount namespace of their own where it is mounted. Looks at sysfs and /proc
 * alone, which never wait for a disk.
 */
export function findUsers(
  mountPoint: string,
  deviceNumber: string | undefined,
  sysfs = '/sys',
): string[] {
  const above = deviceNumber === undefined ? [] : usersInKernel(deviceNumber, sysfs)
  return [...above, ...findProcesses(mountPoint, deviceNumber)].slice(0, NAMED)
}

/** Device mapper, md and their like show themselves as holders; swap space has a list of its own. */
function usersInKernel(deviceNumber: string, sysfs: string): string[] {
  const holders = readFolder(`${sysfs}/dev/block/${deviceNumber}/holders`)
  const isSwap = readText('/proc/swaps')
    .split('\n')
    .some((line) => numberOfDevice(line.split(/\s/)[0] ?? '') === deviceNumber)
  return [...holders.map((name) => `/dev/${name}`), ...(isSwap ? ['this machine to swap on'] : [])]
}

function findProcesses(mountPoint: string, deviceNumber: string | undefined): string[] {
  const ourNamespace = namespaceOf('self')
  const uses = (pid: string): boolean => {
    const namespace = namespaceOf(pid)
    if (namespace === undefined) return false
    if (deviceNumber !== undefined && hasOpen(pid, deviceNumber)) return true
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

/** This process opens devices itself, for the look that asks who else does. */
function hasOpen(pid: string, deviceNumber: string): boolean {
  if (pid === String(process.pid)) return false
  return readFolder(`/proc/${pid}/fd`)
    .map((fd) => readLink(`/proc/${pid}/fd/${fd}`) ?? '')
    .some((file) => file.startsWith('/dev/') && numberOfDevice(file) === deviceNumber)
}

function mountsDevice(pid: string, deviceNumber: string): boolean {
  const entries = parseMountInfo(readText(`/proc/${pid}/mountinfo`), numberOfDevice)
  return entries.some((entry) => entry.deviceNumber === deviceNumber)
}

function isBeneath(file: string, folder: string): boolean {
  return file === folder || file.startsWith(`${folder}/`)
}

function commandOf(pid: string): string {
  return readText(`/proc/${pid}/comm`).trim() || 'gone'
}

/** Empty where it cannot be read: a process may end at any moment. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
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
