import { openExclusively } from '../../libstorage/exclusive-open.ts'
import { sweepLeftovers } from '../../libstorage/leftover.ts'
import { type Logger, silentLogger } from '../../libstorage/logger.ts'
import { makeFolderNow } from '../../libstorage/make-folder.ts'
import type { Run, RunBehindGate } from '../../libstorage/run.ts'
import type { Mounter } from '../mounter.ts'
import {
  answersDirectRead,
  deviceIdentity,
  findDataOn,
  identifyContent,
  servesRoot,
  sizeInBytes,
} from './device.ts'
import {
  checkFileSystem,
  isFinished,
  makeFileSystem,
  requireMaker,
  wipeSignatures,
} from './file-systems.ts'
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
  unmountLazily,
  unmountPath,
} from './mount-points.ts'
import { numberOfDevice, readMounts } from './mountinfo.ts'
import { tryOnScratch } from './scratch-mount.ts'
import { tellApart } from './telling-apart.ts'
import { directoryUsage, fileSystemUsage } from './usage.ts'
import { findUsers } from './users.ts'

/** The real kernel, by sysfs, proc and the tools of util-linux, coreutils and the file systems. */
export function createLinuxMounter(
  run: Run,
  runBehindGate: RunBehindGate,
  scratchDirectory: string,
  logger: Pick<Logger, 'info'> = silentLogger,
): Mounter {
  makeFolderNow(scratchDirectory, 0o700)
  sweepLeftovers(scratchDirectory, logger)
  return {
    mounts: oncePerTurn(() => readMounts()),
    deviceNumber: numberOfDevice,
    deviceIdentity,
    exclusiveOpen: (device) => openExclusively(device, run),
    answers: (device) => answersDirectRead(device, run),
    serves: (mountPoint) => servesRoot(mountPoint, run),
    identify: (device) => identifyContent(device, run),
    isFinished: (device, fsType) => isFinished(device, fsType, run),
    findData: (device, test) => findDataOn(device, test, run),
    requireMaker: (fsType) => requireMaker(fsType, run),
    wipeSignatures: (disk) => wipeSignatures(disk, run),
    makeFileSystem: (disk, spec, starting) => makeFileSystem(disk, spec, runBehindGate, starting),
    check: (disk, fsType, starting, depth) =>
      checkFileSystem(disk, fsType, runBehindGate, starting, depth),
    unfilled: (device, fsType) => unfilledBytes(device, fsType, run),
    grow: (target, starting) => growFileSystem(target, runBehindGate, starting),
    sizeOf: sizeInBytes,
    flush: (mountPoint) => flushFileSystem(mountPoint, run),
    freeze: (mountPoint, starting) => freezeFileSystem(mountPoint, run, starting),
    thaw: (mountPoint) => thawFileSystem(mountPoint, run),
    tellApart: (copy, starting) => tellApart(copy, run, runBehindGate, starting),
    prepareMountPoint: (mountPoint) => prepareMountPoint(mountPoint, run),
    removeMountPoint: (mountPoint) => removeMountPoint(mountPoint, run),
    mount: (disk, mountPoint, fsType, options) =>
      mountDevice(disk, mountPoint, fsType, options, run),
    unmount: (mountPoint) => unmountPath(mountPoint, run),
    unmountLazily: (mountPoint) => unmountLazily(mountPoint, run),
    linkDirectory,
    unlinkDirectory,
    linkedDirectory,
    prepareDataFolder: (folder) => prepareDataFolder(folder, run),
    usage: (mountPoint) => fileSystemUsage(mountPoint, run),
    directoryUsage: (directory) => directoryUsage(directory, run),
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
