import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

const tools = [
  ...['dockerd', 'docker', 'unshare', 'nsenter', 'losetup', 'strace', 'busybox', 'chattr', 'blkid'],
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
  const missing = tools.filter((tool) => !isInstalled(tool))
  if (missing.length > 0)
    throw new Error(`the end-to-end tests need ${missing.join(', ')}; .ci/run names the packages`)
  if (process.getuid?.() !== 0)
    throw new Error('the end-to-end tests need root: they mount volumes and run an engine')
}

function isInstalled(tool: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(':')
  return folders.some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
