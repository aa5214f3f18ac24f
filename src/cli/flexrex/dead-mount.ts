import { existsSync } from 'node:fs'
import type { Run } from '../../libstorage/run.ts'
import { answersDirectRead, servesRoot } from '../../mount/linux/device.ts'
import { deviceOfNumber } from '../../mount/linux/mountinfo.ts'
import type { MountEntry } from '../../mount/mounter.ts'

/**
 * Whether all that is read or written there fails: its disk is gone, or an error has shut its file system down. Rejects with
 * `TimeoutError` where it hangs.
 */
export async function isDead(mount: MountEntry, run: Run): Promise<boolean> {
  if (mount.failedReadOnly || !(await servesRoot(mount.mountPoint, run))) return true
  // What has no disk of its own has told all that it can; a btrfs has none to be seen where that is gone.
  if (mount.deviceNumber.startsWith('0:'))
    return mount.fsType === 'btrfs' && !existsSync(mount.source)
  const device = deviceOfNumber(mount.deviceNumber)
  return device === undefined || !(await answersDirectRead(device, run))
}
