import { statfs } from 'node:fs/promises'

/** `f_type` of file systems that one kernel has for itself (statfs(2)). */
const OF_ONE_KERNEL: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xca451a4e, // bcachefs
  0xf2f52010, // f2fs
  0x2fc12fc1, // zfs
  0x3153464a, // jfs
  0x52654973, // reiserfs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlayfs
])

/** Whether other kernels may use this folder at the same time (NFS, a cluster's or an unknown file system). */
export async function isShared(folder: string): Promise<boolean> {
  return !OF_ONE_KERNEL.has((await statfs(folder)).type)
}
