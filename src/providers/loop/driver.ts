import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isStorageError, systemCode } from '../../libstorage/errors.ts'
import { isHeld } from '../../libstorage/exclusive-open.ts'
import type { Run } from '../../libstorage/run.ts'
import type { AttachmentState } from '../../libstorage/types.ts'
import { poll, untilAborted } from '../../libstorage/wait.ts'
import type { Claim, ClaimedDevice } from '../pool/claim.ts'
import type { Content, CopyOptions, DisconnectOptions } from '../pool/content.ts'
import { runInPool } from '../pool/copy.ts'
import type { PoolTurns } from '../pool/pool-turns.ts'
import { GIB, type StoredVolume } from '../pool/stored-volume.ts'
import { cannotClone, outOfReach, stillHeld } from './errors.ts'
import {
  devicesOf,
  type LoopDevice,
  type LoopStatus,
  loopStatus,
  setCapacity,
  setUp,
  tearDown,
} from './losetup.ts'
import { pull } from './pull.ts'

/** The sparse file that is a volume's content. */
export const DISK_FILE = 'disk'
/** How long a device may take to go after it was told to: a moment, unless somebody opened it meanwhile. */
const GOING = { intervalMs: 20, timeoutMs: 2_000 }

/**
 * Volumes as sparse files, given to a machine as loop devices. One file has one living device in a kernel, so that no
 * two file systems ever write to it; what a claim says of its device counts only while sysfs shows the same use of it.
 */
export class LoopContent implements Content {
  readonly name = 'loop'
  readonly #run: Run
  readonly #turns: PoolTurns

  constructor(run: Run, turns: PoolTurns) {
    this.#run = run
    this.#turns = turns
  }

  async make(path: string, sizeGiB: number): Promise<void> {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.truncate(sizeGiB * GIB)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** By a child under the file's lock: of two who grow it at once to different sizes none must cut it shorter again. */
  async grow(path: string, sizeGiB: number, signal: AbortSignal | undefined): Promise<void> {
    const size = `--size=>${sizeGiB * GIB}`
    await runInPool(this.#run, signal, 'flock', path, 'truncate', '--no-create', size, path)
    await runInPool(this.#run, signal, 'sync', path)
  }

  async announce(volume: StoredVolume, signal: AbortSignal | undefined): Promise<void> {
    for (const { path } of await this.#living(join(volume.folder, DISK_FILE), signal))
      await setCapacity(this.#run, path, signal)
  }

  /** A file that is written to meanwhile is copied by one clone of all its blocks, or the copy would be torn. */
  async copy(from: string, to: string, { atOnce, name, signal }: CopyOptions): Promise<void> {
    const how = atOnce ? ['--reflink=always'] : ['--reflink=auto', '--sparse=always']
    try {
      await runInPool(this.#run, signal, 'cp', ...how, '--', from, to)
    } catch (error) {
      if (
        atOnce &&
        isStorageError(error) &&
        /not supported|inval|inappropriate/i.test(error.message)
      )
        throw cannotClone(name, error)
      throw error
    }
    await runInPool(this.#run, signal, 'sync', to)
  }

  async isConnected(volume: StoredVolume, signal: AbortSignal | undefined): Promise<boolean> {
    return (await this.#living(join(volume.folder, DISK_FILE), signal)).length > 0
  }

  async connect(volume: StoredVolume, signal: AbortSignal | undefined): Promise<ClaimedDevice> {
    const file = join(volume.folder, DISK_FILE)
    const found = await this.#living(file, signal)
    for (const device of found)
      if (device.status.isLeaving && !(await this.#hasGone(device, signal)))
        throw stillHeld(volume.name, device.path)
    // Of a file that cannot be written losetup makes a device all the same, which stays read-only for good.
    await this.#turns.take(() => requireWritable(file), signal)
    for (const device of found)
      if (loopStatus(device.path)?.isReadOnly) await this.#takeAway(volume, device, false, signal)
    // A process may have died between making the device and claiming it.
    const left = found.find(({ path }) => isUsable(loopStatus(path)))
    if (left === undefined) return describe(await setUp(this.#run, file, signal))
    // The file may have grown since.
    await setCapacity(this.#run, left.path, signal)
    return describe(left.path)
  }

  async undo(device: ClaimedDevice): Promise<void> {
    const status = loopStatus(device.path)
    if (status && isOf(status, device) && !(await isHeld(device.path, this.#run)))
      await tearDown(this.#run, { path: device.path, status })
  }

  async disconnect(
    volume: StoredVolume,
    claim: Claim | undefined,
    { force, signal, isUnchanged, isVanished }: DisconnectOptions,
  ): Promise<boolean> {
    const found = isVanished ? [] : await this.#living(join(volume.folder, DISK_FILE), signal)
    const claimed = claim?.device
    const status = claimed && loopStatus(claimed.path)
    if (status && isOf(status, claimed) && !found.some(({ path }) => path === claimed.path))
      found.push({ path: claimed.path, status })
    // Another machine may have got the volume, and with it a device of this file that is none of ours.
    if (!(await isUnchanged())) return false
    for (const device of found) await this.#takeAway(volume, device, force, signal)
    return found.length > 0
  }

  state({ device }: Claim): AttachmentState | undefined {
    const status = device && loopStatus(device.path)
    if (!device || !status || !isOf(status, device) || status.sectors === 0) return undefined
    return status.isLeaving ? 'detaching' : 'attached'
  }

  assertReachable(volume: StoredVolume, claim: Claim): void {
    throw outOfReach(volume, claim)
  }

  async #takeAway(
    volume: StoredVolume,
    device: LoopDevice,
    force: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const held = await untilAborted(isHeld(device.path, this.#run), signal)
    if (held && !force) throw stillHeld(volume.name, device.path)
    if (held) await pull(this.#run, volume.name, device)
    else await tearDown(this.#run, device)
    if (await this.#hasGone(device, signal)) return
    // Somebody has it open who needs no exclusive hold, as mkfs.btrfs, or mounted it just now.
    if (force) await pull(this.#run, volume.name, device)
    if (!force || !(await this.#hasGone(device, signal))) throw stillHeld(volume.name, device.path)
  }

  /** Waits a moment until the device is gone, or cut off from its file. */
  async #hasGone(device: LoopDevice, signal: AbortSignal | undefined): Promise<boolean> {
    const isGone = async () => {
      const now = loopStatus(device.path)
      const isSame = now && now.sectors > 0 && now.diskseq === device.status.diskseq
      return isSame ? undefined : true
    }
    return (await poll(isGone, { ...GOING, signal })) === true
  }

  /** The devices of a file that can still write to it. */
  async #living(file: string, signal: AbortSignal | undefined): Promise<LoopDevice[]> {
    try {
      const identity = await this.#turns.take(() => stat(file, { bigint: true }), signal)
      const devices = await devicesOf(this.#run, file, identity, signal)
      return devices.flatMap((path) => {
        const status = loopStatus(path)
        return status !== undefined && status.sectors > 0 ? [{ path, status }] : []
      })
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return []
      throw error
    }
  }
}

/** Whether a device, as it stands, is still the one of a claim. */
function isOf(status: LoopStatus | undefined, device: ClaimedDevice): boolean {
  if (status === undefined) return false
  if (device.diskseq !== undefined) return status.diskseq === device.diskseq
  return status.backingFile === device.backingFile
}

function isUsable(status: LoopStatus | undefined): boolean {
  return status !== undefined && status.sectors > 0 && !status.isLeaving
}

function describe(path: string): ClaimedDevice {
  const status = loopStatus(path)
  return { path, diskseq: status?.diskseq, backingFile: status?.backingFile ?? '' }
}

/** Rejects as open(2) does where the file cannot be written. */
async function requireWritable(file: string): Promise<void> {
  const opened = await open(file, constants.O_RDWR)
  await opened.close()
}
