import { FailedPreconditionError } from '../../libstorage/errors.ts'
import { sweepLeftovers } from '../../libstorage/leftover.ts'
import { makeFolder } from '../../libstorage/make-folder.ts'
import { lastLine, type Run, type RunBehindGate } from '../../libstorage/run.ts'
import type { FileSystemUsage } from '../integration-driver.ts'
import type { Mounter } from '../mounter.ts'
import {
  answersDirectRead,
  findDataOn,
  identifyContent,
  openExclusively,
  sizeInBytes,
} from './device.ts'
import { checkFileSystem, makeFileSystem, requireMaker, wipeSignatures } from './file-systems.ts'
import { flushFileSystem, freezeFileSystem, thawFileSystem } from './freezing.ts'
import { growFileSystem, unfilledBytes } from './growing.ts'
import {
  linkDirectory,
  linkedDirectory,
  mountDevice,
  prepareDataFolder,
  prepareMountPoint,
  removeMountPoint,
  unlinkDirectory,
  unmountPath,
} from './mount-points.ts'
import { numberOfDevice, readMounts } from './mountinfo.ts'
import { tryOnScratch } from './scratch-mount.ts'
import { tellApart } from './telling-apart.ts'
import { findUsers } from './users.ts'

/** A file system that does not answer within this time is called hung. */
const USAGE_TIMEOUT_MS = 5_000

/** The real kernel, by sysfs, proc and the tools of util-linux, coreutils and the file systems. */
export function createLinuxMounter(
  run: Run,
  runBehindGate: RunBehindGate,
  scratchDirectory: string,
): Mounter {
  makeFolder(scratchDirectory, 0o700)
  sweepLeftovers(scratchDirectory)
  return {
    mounts: oncePerTurn(readMounts),
    deviceNumber: numberOfDevice,
    exclusiveOpen: openExclusively,
    answers: (device) => answersDirectRead(device, run),
    identify: (device) => identifyContent(device, run),
    findData: (device, test) => findDataOn(device, test, run),
    requireMaker: (fsType) => requireMaker(fsType, run),
    wipeSignatures: (device) => wipeSignatures(device, run),
    makeFileSystem: (device, spec, starting) =>
      makeFileSystem(device, spec, runBehindGate, starting),
    check: (device, fsType, starting, depth) =>
      checkFileSystem(device, fsType, runBehindGate, starting, depth),
    unfilled: (device, fsType) => unfilledBytes(device, fsType, run),
    grow: (target, starting) => growFileSystem(target, runBehindGate, starting),
    sizeOf: sizeInBytes,
    flush: (mountPoint) => flushFileSystem(mountPoint, run),
    freeze: (mountPoint, starting) => freezeFileSystem(mountPoint, run, starting),
    thaw: (mountPoint) => thawFileSystem(mountPoint, run),
    tellApart: (copy, starting) => tellApart(copy, run, runBehindGate, starting),
    prepareMountPoint: (mountPoint) => prepareMountPoint(mountPoint, run),
    removeMountPoint: (mountPoint) => removeMountPoint(mountPoint, run),
    mount: (device, mountPoint, fsType, options) =>
      mountDevice(device, mountPoint, fsType, options, run),
    unmount: (mountPoint) => unmountPath(mountPoint, run),
    linkDirectory,
    unlinkDirectory,
    linkedDirectory,
    prepareDataFolder: (folder) => prepareDataFolder(folder, run),
    usage: (mountPoint) => measureUsage(mountPoint, run),
    tryMountOptions: (fsType, options) => tryOnScratch(fsType, options, scratchDirectory, run),
    users: async (mountPoint, deviceNumber) => findUsers(mountPoint, deviceNumber),
  }
}

/** Many questions of one turn of the event loop are one look: in between nothing of ours changes the answer. */
function oncePerTurn<T>(look: () => T): () => T {
  let seen: { value: T } | undefined
  return () => {
    if (seen === undefined) {
      seen = { value: look() }
      queueMicrotask(() => {
        seen = undefined
      })
    }
    return seen.value
  }
}

async function measureUsage(mountPoint: string, run: Run): Promise<FileSystemUsage> {
  const result = await run('stat', ['-f', '-c', '%S %b %f %a', '--', mountPoint], {
    timeoutMs: USAGE_TIMEOUT_MS,
  })
  const [blockBytes = 0, total = 0, free = 0, available = 0] = result.stdout.split(' ').map(Number)
  if (result.exitCode === 0 && blockBytes > 0) {
    return { usedBytes: (total - free) * blockBytes, freeBytes: available * blockBytes }
  }
  throw new FailedPreconditionError({
    subject: mountPoint,
    problem: `cannot be measured: ${lastLine(result)}`,
  })
}
