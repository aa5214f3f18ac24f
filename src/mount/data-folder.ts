import type { DataFolder } from './mounter.ts'
import type { MountSettings } from './settings.ts'
import type { MountWishes } from './volume-options.ts'

/** Docker's own bits for the folder of a volume. */
const DEFAULT_MODE = 0o755

/** Whose the data folder is: what the volume's own options say wins over what is configured for all. */
export function ownership(
  { uid, gid, mode }: MountWishes,
  { fileMode }: MountSettings,
): Pick<DataFolder, 'uid' | 'gid' | 'mode' | 'enforcedMode'> {
  const enforcedMode = mode === undefined ? fileMode : undefined
  return { uid, gid, mode: mode ?? fileMode ?? DEFAULT_MODE, enforcedMode }
}
