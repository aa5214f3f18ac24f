import { readdirSync, rmSync } from 'node:fs'
import { lstat, readlink, rename, symlink, unlink } from 'node:fs/promises'
import path from 'node:path'
import { FailedPreconditionError, NotFoundError, systemCode } from '../../libstorage/errors.ts'
import { leftoverName, ownerOfLeftover, saySwept } from '../../libstorage/leftover.ts'
import { type Logger, silentLogger } from '../../libstorage/logger.ts'
import { makeFolder } from '../../libstorage/make-folder.ts'
import { isProvablyDead } from '../../libstorage/process-identity.ts'
import { lastLine, type Run, type RunResult } from '../../libstorage/run.ts'
import type { DataFolder, Disk } from '../mounter.ts'
import { numberOfDevice } from './mountinfo.ts'
import { assertSame, ifSame } from './same-disk.ts'
import { findUsers } from './users.ts'

const QUICK_MS = 10_000
/** A mount replays a journal, an unmount writes back what is dirty. */
const WRITE_BACK_MS = 100_000
/** mount(8) and umount(8): the mount or umount itself failed. */
const MOUNT_FAILED = 32

/** Makes the bare directory immutable, so that nothing is written to the host's disk while no volume is mounted there. */
export async function prepareMountPoint(mountPoint: string, run: Run): Promise<void> {
  await makeFolder(mountPoint)
  if (!(await lstat(mountPoint)).isDirectory()) throw inTheWay(mountPoint)
  // Not every file system knows the attribute; the mount is as good without it.
  await run('chattr', ['+i', mountPoint], { timeoutMs: QUICK_MS })
}

/** Removes the bare directory, if it is there and empty. */
export async function removeMountPoint(mountPoint: string, run: Run): Promise<void> {
  await run('sh', ['-c', 'chattr -i "$1"; rmdir "$1" || chattr +i "$1"', 'sh', mountPoint], {
    timeoutMs: QUICK_MS,
  })
}

/** Mounts a device. Rejects with `FailedPreconditionError` that says what the kernel says and what to do. */
export async function mountDevice(
  disk: Disk,
  mountPoint: string,
  fsType: string,
  options: readonly string[],
  run: Run,
): Promise<void> {
  const all = fsType === 'xfs' ? [...options, 'nouuid'] : options
  const flags = all.length > 0 ? ['-o', all.join(',')] : []
  // Without -w it would go on read-only where it cannot write.
  const words = ['-w', '-t', fsType, ...flags, '--', disk.device, mountPoint]
  const [command, ...args] = ifSame(disk, ['mount', ...words])
  const result = await run(command, args, { timeoutMs: WRITE_BACK_MS })
  assertSame(disk, result)
  if (result.exitCode === 0) return
  const said = kernelsWord(mountPoint, result)
  if (/busy/i.test(said)) throw deviceHeld(disk, mountPoint, fsType)
  const remedy = /needs cleaning/i.test(said)
    ? `attach the volume and repair it with xfs_repair on its device (it was ${disk.device})`
    : 'see the kernel log (dmesg)'
  throw new FailedPreconditionError({
    subject: `the ${fsType} file system on ${disk.device}`,
    problem: `cannot be mounted: ${said}`,
    remedy,
  })
}

/** EBUSY of a free place: somebody has the device for themselves, or has it mounted read-only. */
function deviceHeld({ device }: Disk, mountPoint: string, fsType: string): FailedPreconditionError {
  const users = findUsers(mountPoint, numberOfDevice(device))
  const by = users.length > 0 ? users.join(', ') : 'somebody who cannot be seen from here'
  return new FailedPreconditionError({
    subject: `the ${fsType} file system on ${device}`,
    problem: `cannot be mounted while the device is in use by ${by}`,
    remedy: 'end that and try again',
  })
}

/** What mount(8) says of the mount itself; below it stand hints. */
function kernelsWord(mountPoint: string, result: RunResult): string {
  const start = `mount: ${mountPoint}: `
  const line = result.stderr.split('\n').find((one) => one.startsWith(start))
  return line?.slice(start.length).replace(/\.$/, '') ?? lastLine(result)
}

/** Unmounts; what is not mounted is as it should be. */
export async function unmountPath(mountPoint: string, run: Run): Promise<'unmounted' | 'busy'> {
  const result = await run('umount', ['--', mountPoint], { timeoutMs: WRITE_BACK_MS })
  if (result.exitCode === 0 || /not mounted|no mount point/i.test(result.stderr)) return 'unmounted'
  if (result.exitCode === MOUNT_FAILED && /busy/i.test(result.stderr)) return 'busy'
  throw new FailedPreconditionError({
    subject: mountPoint,
    problem: `cannot be unmounted: ${lastLine(result)}`,
  })
}

/** Takes a mount away from this namespace; the last one of a disk that hangs waits for it though the mount is gone at once. */
export async function unmountLazily(mountPoint: string, run: Run): Promise<void> {
  const result = await run('umount', ['-l', '--', mountPoint], { timeoutMs: QUICK_MS })
  if (result.exitCode === 0 || /not mounted|no mount point/i.test(result.stderr)) return
  throw new FailedPreconditionError({
    subject: mountPoint,
    problem: `cannot be unmounted: ${lastLine(result)}`,
  })
}

/** Shows a directory at a mount point, replacing an older link in one step. */
export async function linkDirectory(directory: string, mountPoint: string): Promise<void> {
  await makeFolder(path.dirname(mountPoint))
  const present = await lstat(mountPoint).catch(() => undefined)
  if (present !== undefined && !(await isOurLink(mountPoint, directory))) throw inTheWay(mountPoint)
  const prepared = path.join(path.dirname(mountPoint), leftoverName('link'))
  await symlink(directory, prepared)
  await rename(prepared, mountPoint)
}

/** Takes away the links that dead processes prepared in a folder of mount points and did not rename to their places. */
export function sweepLinks(folder: string, logger: Pick<Logger, 'info'> = silentLogger): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const owner = entry.isSymbolicLink() ? ownerOfLeftover(entry.name) : undefined
    if (owner === undefined || !isProvablyDead(owner)) continue
    rmSync(path.join(folder, entry.name), { force: true })
    saySwept(logger, path.join(folder, entry.name))
  }
}

/** A link to this very directory, or to one of the same pool that is gone: what a volume of the same name left. */
async function isOurLink(mountPoint: string, directory: string): Promise<boolean> {
  const target = await linkedDirectory(mountPoint)
  if (target === undefined || target === directory) return target !== undefined
  const isGone = await lstat(target).then(
    () => false,
    () => true,
  )
  return isGone && path.dirname(path.dirname(target)) === path.dirname(path.dirname(directory))
}

function inTheWay(mountPoint: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: mountPoint,
    problem: 'is in the way: it was not made by this program',
    remedy: 'move it elsewhere',
  })
}

/** Takes the link away, if there is one. Anything else at its place is left alone. */
export async function unlinkDirectory(mountPoint: string): Promise<void> {
  if ((await linkedDirectory(mountPoint)) !== undefined) await unlink(mountPoint)
}

/** Where the link at a mount point leads, or undefined when there is no link. */
export async function linkedDirectory(mountPoint: string): Promise<string | undefined> {
  try {
    return await readlink(mountPoint)
  } catch (error) {
    if (['ENOENT', 'EINVAL'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}

/**
 * A new folder gets its owner and bits before it gets its name, so that a crash leaves either no folder or the right one.
 * Exit 3: the volume is not mounted, and nothing was written to the disk below. Exit 4: what is there is a link, or a file.
 */
const PREPARE = `set -e
mount_point=$1 folder=$2 mode=$3 owner=$4 enforced=$5 on_mount=$6 fresh=$7 prepared=$8 within=$9
if [ -n "$on_mount" ]; then
  set -- $(stat -c %d -- "$mount_point" "$mount_point/..")
  if [ "$1" = "$2" ]; then exit 3; fi
fi
set -f
IFS=/
part=$mount_point
for name in $within; do
  part=$part/$name
  if [ -L "$part" ]; then exit 4; fi
done
set +f
unset IFS
if [ ! -e "$folder" ]; then
  mkdir -p -- "$(dirname -- "$folder")"
  rmdir -- "$(dirname -- "$folder")"/.folder-*~*~* 2> /dev/null || true
  mkdir -m "$mode" -- "$prepared"
  if [ -n "$owner" ]; then chown -- "$owner" "$prepared"; fi
  mv -T -- "$prepared" "$folder"
elif [ -n "$fresh" ] && [ "$folder" = "$mount_point" ] && [ -z "$(ls -A -I lost+found -- "$folder")" ]; then
  chmod -- "$mode" "$folder"
  if [ -n "$owner" ]; then chown -- "$owner" "$folder"; fi
fi
if [ ! -d "$folder" ]; then exit 4; fi
if [ -n "$enforced" ]; then chmod -- "$enforced" "$folder"; fi`
const NOT_MOUNTED = 3
const LEADS_AWAY = 4

/** Makes the folder that containers get, once, inside the mounted file system. */
export async function prepareDataFolder(folder: DataFolder, run: Run): Promise<void> {
  const owner = ownerOf(folder)
  const args = [
    folder.mountPoint,
    folder.path,
    folder.mode.toString(8),
    owner,
    folder.enforcedMode?.toString(8) ?? '',
    folder.onMount ? 'yes' : '',
    folder.fresh ? 'yes' : '',
    path.join(path.dirname(folder.path), leftoverName('folder')),
    folder.path.slice(folder.mountPoint.length),
  ]
  const result = await run('sh', ['-c', PREPARE, 'sh', ...args], { timeoutMs: QUICK_MS })
  if (result.exitCode === 0) return
  if (result.exitCode === NOT_MOUNTED) throw new NotFoundError(`mount at ${folder.mountPoint}`)
  if (result.exitCode === LEADS_AWAY) {
    throw new FailedPreconditionError({
      subject: `folder ${folder.path}`,
      problem: 'is a link or a file, and would give containers something other than the volume',
      remedy: 'make it a folder',
    })
  }
  throw new FailedPreconditionError({
    subject: `folder ${folder.path}`,
    problem: `cannot be made: ${lastLine(result)}`,
  })
}

/** As chown wants it: "999", ":999" or "999:999"; a uid with a colon behind it would mean that user's login group. */
function ownerOf({ uid, gid }: DataFolder): string {
  return `${uid ?? ''}${gid === undefined ? '' : `:${gid}`}`
}
