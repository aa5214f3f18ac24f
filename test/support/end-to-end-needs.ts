import { missingTools } from './installed-tools.ts'

const tools = [
  ...[
    'dockerd',
    'docker',
    'runc',
    'unshare',
    'nsenter',
    'setpriv',
    'ip',
    'losetup',
    'strace',
    'busybox',
    'chattr',
  ],
  ...['blkid', 'dpkg-deb', 'npm'],
  ...[
    'mkfs.ext4',
    'mkfs.xfs',
    'mkfs.btrfs',
    'mkfs.vfat',
    'mkswap',
    'sfdisk',
    'cryptsetup',
    'wipefs',
  ],
]

/** Runs before the end-to-end tests; says in one sentence what this machine lacks for them. */
export function setup(): void {
  const missing = missingTools(tools)
  if (missing.length > 0)
    throw new Error(`the end-to-end tests need ${missing.join(', ')}; .ci/run names the packages`)
  if (process.getuid?.() !== 0)
    throw new Error('the end-to-end tests need root: they mount volumes and run an engine')
}
