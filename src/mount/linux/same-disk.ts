import { UnavailableError } from '../../libstorage/errors.ts'
import type { Disk } from '../mounter.ts'
import { identityFile } from './device.ts'

/** What a shell ends with that finds another disk under the name. */
const ANOTHER = 242

/**
 * Whoever has a disk open keeps its name from being used again: so it is opened, looked at and kept open until the tool
 * has ended, which opens it by that name. The trap is for a shell that cannot even open it.
 */
const IF_SAME = `trap 'exit ${ANOTHER}' 0
exec 9< "$1"
read -r now < "$2" && [ "$now" = "$3" ] || exit ${ANOTHER}
shift 3
trap - 0
exec "$@"`

/** The words of a tool that begins only if the name of its device still means the disk that it meant when that was found. */
export function ifSame(
  { device, identity }: Disk,
  words: readonly [string, ...string[]],
): readonly [string, ...string[]] {
  if (identity === undefined) return words
  const [file, value] = identityFile(device, identity)
  return ['sh', '-c', IF_SAME, 'sh', device, file, value, ...words]
}

/** Rejects a result that says that the tool did not begin, because its device is another disk by now. */
export function assertSame({ device }: Disk, { exitCode }: { readonly exitCode: number }): void {
  if (exitCode !== ANOTHER) return
  throw new UnavailableError({
    subject: `device ${device}`,
    problem: 'is another disk than it was a moment ago',
    remedy: 'try again',
  })
}
