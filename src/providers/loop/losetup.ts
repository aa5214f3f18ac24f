import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { lastLine, type Run } from '../../libstorage/run.ts'
import { losetupFailed } from './errors.ts'

/** losetup answers in milliseconds; longer than this only a pool that hangs can take. */
const TIMEOUT_MS = 20_000
const COLUMNS = 'NAME,OFFSET,SIZELIMIT,BACK-INO,BACK-MAJ:MIN'

/** A loop device in use, as sysfs shows it: no call that could wait for a disk. */
export interface LoopStatus {
  /** The serial number of this use, which no other use of this boot has; absent before Linux 5.15. */
  readonly diskseq: string | undefined
  readonly backingFile: string
  /** 0 after the device was pulled from under its holder. */
  readonly sectors: number
  /** Set when it was told to go and waits for its holder to let go. */
  readonly isLeaving: boolean
  /** Set when its file could not be opened for writing at the time. */
  readonly isReadOnly: boolean
}

/** One use of a loop device, as it stood when it was looked at. */
export interface LoopDevice {
  /** `/dev/loop3`: another use may have it later. */
  readonly path: string
  readonly status: LoopStatus
}

/** The file in sysfs, and what it says, by which one use of a device is told from a later one. */
export function markOf({ path, status: { diskseq, backingFile } }: LoopDevice): [string, string] {
  const folder = `/sys/block/${basename(path)}`
  return diskseq === undefined
    ? [`${folder}/loop/backing_file`, backingFile]
    : [`${folder}/diskseq`, diskseq]
}

/** How a loop device (`/dev/loop3`) stands; undefined when nothing is behind it. */
export function loopStatus(device: string): LoopStatus | undefined {
  const folder = `/sys/block/${basename(device)}`
  const backingFile = attribute(`${folder}/loop/backing_file`)
  const sectors = attribute(`${folder}/size`)
  if (backingFile === undefined || sectors === undefined) return undefined
  return {
    diskseq: attribute(`${folder}/diskseq`),
    backingFile,
    sectors: Number(sectors),
    isLeaving: attribute(`${folder}/loop/autoclear`) === '1',
    isReadOnly: attribute(`${folder}/ro`) === '1',
  }
}

/**
 * What every device has, as a file system that was made on small sectors cannot be mounted on large ones. Left to itself
 * the kernel gives a device those of direct I/O to its file, and they grow when the file is cloned or moved to another disk.
 */
const SECTORS = ['--sector-size', '512']

/**
 * Makes a loop device of a file, with direct I/O where the file system below can do it in sectors of 512 bytes; resolves
 * with its path.
 */
export async function setUp(
  run: Run,
  file: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const make = (...options: string[]) =>
    run('losetup', [...options, ...SECTORS, '--find', '--show', file], {
      timeoutMs: TIMEOUT_MS,
      signal,
    })
  const direct = await make('--direct-io=on')
  if (direct.exitCode === 0) return direct.stdout.trim()
  if (!/direct[ -]io/i.test(direct.stderr)) throw losetupFailed(file, lastLine(direct))
  const buffered = await make()
  if (buffered.exitCode === 0) return buffered.stdout.trim()
  throw losetupFailed(file, lastLine(buffered))
}

/** Makes a loop device as large as the file behind it has become. Whoever uses the device sees only its end move. */
export async function setCapacity(
  run: Run,
  device: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = { timeoutMs: TIMEOUT_MS, signal }
  const result = await run('losetup', ['--set-capacity', device], options)
  if (result.exitCode !== 0 && loopStatus(device) !== undefined)
    throw losetupFailed(device, lastLine(result))
}

/** As long as a device is open, no other use can follow this one: it is looked at and told to go as one and the same. */
const TEAR_DOWN = `
exec 3<"$1" || exit
IFS= read -r mark <"$2" && [ "$mark" = "$3" ] || exit 0
exec losetup --detach "$1"
`

/** Tells a loop device to go, if it is still in this use. While somebody has it open it goes later: sysfs says when. */
export async function tearDown(run: Run, device: LoopDevice): Promise<void> {
  const args = ['-c', TEAR_DOWN, 'sh', device.path, ...markOf(device)]
  const result = await run('sh', args, { timeoutMs: TIMEOUT_MS })
  if (result.exitCode !== 0 && loopStatus(device.path) !== undefined)
    throw losetupFailed(device.path, lastLine(result))
}

/** The loop devices whose content is all of this file, whatever it is called; the kernel knows them by its identity. */
export async function devicesOf(
  run: Run,
  file: string,
  { ino, dev }: { readonly ino: bigint; readonly dev: bigint },
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const result = await run('losetup', ['--list', '--raw', '--noheadings', '--output', COLUMNS], {
    timeoutMs: TIMEOUT_MS,
    signal,
  })
  if (result.exitCode !== 0) throw losetupFailed(file, lastLine(result))
  const wanted = `0 0 ${ino} ${majorMinor(dev)}`
  return result.stdout.split('\n').flatMap((line) => {
    const [name, ...rest] = line.replaceAll('\\x20', ' ').trim().split(/\s+/)
    return name !== undefined && rest.join(' ') === wanted ? [name] : []
  })
}

/** As glibc's major() and minor(): the bits of both are interleaved. */
function majorMinor(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n)
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n)
  return `${major}:${minor}`
}

function attribute(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd()
  } catch {
    return undefined
  }
}
