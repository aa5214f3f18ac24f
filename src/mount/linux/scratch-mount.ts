import { open, rm } from 'node:fs/promises'
import path from 'node:path'
import { FailedPreconditionError, InvalidArgumentError } from '../../libstorage/errors.ts'
import { leftoverName } from '../../libstorage/leftover.ts'
import { makeFolder } from '../../libstorage/make-folder.ts'
import { lastLine, type Run } from '../../libstorage/run.ts'

const TIMEOUT_MS = 30_000
/** The smallest file each mkfs makes something of that mounts; sparse, so it takes a few MiB at most. */
const SCRATCH_BYTES: Readonly<Record<string, number>> = {
  ext4: 8 * 1_048_576,
  xfs: 320 * 1_048_576,
  btrfs: 128 * 1_048_576,
}
const MAKE: Readonly<Record<string, readonly [string, ...string[]]>> = {
  ext4: ['mkfs.ext4', '-q', '-F'],
  xfs: ['mkfs.xfs', '-q', '-f'],
  btrfs: ['mkfs.btrfs', '-q', '-f'],
}

/**
 * Mounts a scratch file system of this type with the options, which is the only way to know whether the kernel takes them.
 * Rejects with `InvalidArgumentError` that names the first wrong one.
 */
export async function tryOnScratch(
  fsType: string,
  options: readonly string[],
  scratchDirectory: string,
  run: Run,
): Promise<void> {
  const folder = path.join(scratchDirectory, leftoverName('mount-options'))
  await makeFolder(folder, 0o700)
  const [image, mountPoint] = [path.join(folder, 'image'), path.join(folder, 'mnt')]
  try {
    await makeScratch(image, fsType, run)
    if (await mounts(image, mountPoint, fsType, options, run)) return
    for (const option of options) {
      if (!(await mounts(image, mountPoint, fsType, [option], run))) throw refused(option, fsType)
    }
    throw refused(options.join(','), fsType)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function makeScratch(image: string, fsType: string, run: Run): Promise<void> {
  const [command, ...args] = MAKE[fsType] ?? ['false']
  const handle = await open(image, 'wx', 0o600)
  await handle.truncate(SCRATCH_BYTES[fsType] ?? 0)
  await handle.close()
  const made = await run(command, [...args, image], { timeoutMs: TIMEOUT_MS })
  if (made.exitCode === 0) return
  throw new FailedPreconditionError({
    subject: 'mountopts',
    problem: `cannot be tried: ${command} failed: ${lastLine(made)}`,
    remedy: 'mend that, or leave them out',
  })
}

/** In a mount namespace of its own, so that nothing stays mounted whatever happens to us. */
const TRY = 'mkdir -p "$2" && mount -t "$3" -o "loop,$4" -- "$1" "$2"'

async function mounts(
  image: string,
  mountPoint: string,
  fsType: string,
  options: readonly string[],
  run: Run,
): Promise<boolean> {
  const args = [
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    TRY,
    'sh',
    image,
    mountPoint,
    fsType,
    options.join(','),
  ]
  return (await run('unshare', args, { timeoutMs: TIMEOUT_MS })).exitCode === 0
}

function refused(option: string, fsType: string): InvalidArgumentError {
  return new InvalidArgumentError({
    subject: `mount option "${option}"`,
    problem: `is not one that ${fsType} takes`,
    remedy: 'correct it in mountopts, or leave it out',
  })
}
