import { type Known, meaning } from './wording.ts'

/** What repairs each; the first mount after a volume was let go does that with an ext4. */
const TOOLS: Readonly<Record<string, string>> = {
  ext4: 'e2fsck -f',
  xfs: 'xfs_repair',
  btrfs: 'btrfs check',
}

/**
 * What repairs a file system with errors. It names no device: when nobody uses the volume any more it is detached, and the
 * device may be another volume's by then.
 */
export function repairOf(fsType: string, volume: Pick<Known, 'id'>): string {
  const it = meaning(volume)
  const byItself =
    'stop what uses it: the next mount checks and repairs it\nor by hand, when it is let go:'
  const byHand = 'stop what uses it, so that it is let go, and repair it:'
  return [
    fsType in TOOLS && fsType !== 'ext4' ? byHand : byItself,
    `remora volume attach ${it}`,
    `remora doctor ${it}   # names its device`,
    `${TOOLS[fsType] ?? TOOLS['ext4']} <that device>`,
    `remora volume detach ${it}`,
  ].join('\n')
}
