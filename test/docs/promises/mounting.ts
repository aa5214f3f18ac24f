import type { ShownPromise } from './promise.ts'

/** What shows the promises about mounting and growing. */
export const mounting: readonly ShownPromise[] = [
  {
    section: 'Mounting',
    begins: 'The steps: look up',
    shownBy: [
      'test/e2e/crash.test.ts > of the server and all that it started loses nothing, wherever it comes',
      'test/e2e/crash.test.ts > of the server alone loses nothing, while the tools it started go on',
      'test/mount/lost-lock.test.ts > the attach is the last that a Mount does',
    ],
  },
  {
    section: 'Mounting',
    begins: 'A volume that another machine has is refused',
    shownBy: [
      'test/mount/mount-manager.test.ts > a volume attached elsewhere is refused with the holder, and is not touched',
      'test/mount/take-over/policy.test.ts > %s, under %s, are: %s',
    ],
  },
  {
    section: 'Mounting',
    begins: 'Formatting.',
    shownBy: [
      'test/mount/linux/find-data.test.ts > finds one byte at the ends, and says where: %s',
      'test/mount/linux/find-data.test.ts > finds what lies in between only by samples',
      'test/mount/linux/find-data.test.ts > finds a partition that the kernel knows of',
      'test/mount/linux/find-data.test.ts > judges no device whose size is not the one that the platform says',
      'test/mount/linux/file-systems.test.ts > is not made over one that another server has made',
      'test/mount/copy-line.test.ts > of a volume that nobody uses are made, and never formatted',
    ],
  },
  {
    section: 'Mounting',
    begins: 'Names of devices are used again.',
    shownBy: [
      'test/mount/linux/same-disk.test.ts > does not begin: %s',
      'test/mount/reused-device.test.ts > gets no file system',
      'test/mount/reused-device.test.ts > is not mounted',
    ],
  },
  {
    section: 'Mounting',
    begins: 'Nobody else holds the device',
    shownBy: [
      'test/mount/linux/exclusive-open.test.ts > is refused while only another mount namespace has it mounted',
      'test/e2e/held-elsewhere.test.ts > is joined by the next one, whose volume is neither checked nor formatted meanwhile',
    ],
  },
  {
    section: 'Mounting',
    begins: 'A format that was cut short, by a crash',
    shownBy: [
      'test/mount/format-intent.test.ts > is repeated on the same attachment, with the file system and UUID that were meant',
      'test/mount/format-intent.test.ts > is never repeated over a file system with another UUID',
      'test/mount/format-intent.test.ts > is refused on another attachment',
      'test/mount/left-behind.test.ts > what was written to a new file system by hand',
      'test/mount/linux/unfinished.test.ts > leaves nothing that counts as a finished file system',
    ],
  },
  {
    section: 'Mounting',
    begins: 'ext2, ext3, ext4, xfs and btrfs',
    shownBy: [
      'test/e2e/foreign-content.test.ts > is mounted as what it is: $title',
      'test/mount/linux/identify.test.ts > a file system beside a partition table is never formatted over, nor mounted',
      'test/mount/linux/identify.test.ts > an LVM physical volume is never formatted over',
      'test/e2e/foreign-content.test.ts > is refused and not touched: $title',
    ],
  },
  {
    section: 'Mounting',
    begins: '`e2fsck -p` runs before',
    shownBy: [
      'test/mount/linux/file-systems.test.ts > replays a journal and mends what is safe to mend',
      'test/mount/linux/file-systems.test.ts > refuses what needs a decision, with what was found and the command that repairs',
      'test/mount/mount-manager.test.ts > formats a blank volume once, and finds its file system ever after',
    ],
  },
  {
    section: 'Mounting',
    begins: '"Already mounted" is true only',
    shownBy: [
      'test/mount/linux/find-data.test.ts > is seen by a read past the cache: a cached read of a dead disk succeeds',
      'test/mount/linux/mountinfo.test.ts > tells a file system that turned itself read-only',
      'test/mount/left-behind.test.ts > %s is writable in the first Mount after that',
    ],
  },
  {
    section: 'Mounting',
    begins: 'The bare mount point',
    shownBy: [
      'test/mount/linux/mount-points.test.ts > is made with all above it, and nothing can be written to it while it is bare',
      'test/mount/linux/mount-points.test.ts > lies as well on a file system that does not know the attribute',
      'test/mount/loop-line.test.ts > the bare mount point is immutable',
    ],
  },
  {
    section: 'Mounting',
    begins: 'The data folder is made once',
    shownBy: [
      'test/mount/linux/data-folder.test.ts > is made with its bits, whatever the umask, and its owner',
      'test/mount/linux/data-folder.test.ts > has the owner that is said of it: %o',
      'test/mount/linux/data-folder.test.ts > is kept as it is where it exists',
      'test/mount/linux/data-folder.test.ts > gets at every mount the bits that are configured to be enforced',
    ],
  },
  {
    section: 'Mounting',
    begins: '`mountopts` are those of the file system',
    shownBy: [
      'test/mount/mount-options.test.ts > of the file system pass: %j',
      'test/mount/mount-options.test.ts > of mount(8) itself, or none at all, are refused by name: %j',
      'test/mount/linux/scratch-mount.test.ts > names the wrong one, and leaves nothing',
      'test/mount/creation.test.ts > it is looked whether the kernel takes the mount options',
    ],
  },
  {
    section: 'Mounting',
    begins: 'A disk that hangs does not hang',
    shownBy: [
      'test/e2e/hung-disk.test.ts > holds up nobody else while $why',
      'test/providers/pool/frozen-pool.test.ts > a start does not wait for it, and it is used as soon as it answers',
    ],
  },
  {
    section: 'Mounting',
    begins: 'Create and Mount are answered within 111 s',
    shownBy: [
      'test/plugin-api/serve-call.test.ts > Create and Mount have one deadline, the others another',
      'test/plugin-api/serve-call.test.ts > keeps %s from its answer for %d ms and not longer',
      'test/plugin-api/serve-call.test.ts > %s is answered even if the driver does not listen',
      'test/mount/take-over/fence.test.ts > is still stopping for a caller whose time is up',
    ],
  },
  {
    section: 'Mounting',
    begins: 'Operations on one volume happen',
    shownBy: [
      'test/libstorage/keyed-mutex.test.ts > tasks of one key run one at a time, in the order of their asking',
      'test/libstorage/keyed-mutex.test.ts > tasks of different keys do not wait for each other',
      'test/mount/locks.test.ts > is never in two hands, however many take it in turn',
    ],
  },
  {
    section: 'Growing',
    begins: '`remora volume resize` makes',
    shownBy: [
      'test/mount/growth-line.test.ts > a smaller size is refused, a repeat succeeds',
      'test/cli/volume/changes.test.ts > resize %j makes a volume larger and prints it',
    ],
  },
  {
    section: 'Growing',
    begins: 'A file system that is smaller',
    shownBy: [
      'test/mount/growth-line.test.ts > %s: a volume that was made larger is grown by its next Mount, once, with its data',
      'test/mount/linux/growing.test.ts > %s of %i MiB: nothing, until the device grows',
    ],
  },
  {
    section: 'Growing',
    begins: 'A volume that is mounted here is grown',
    shownBy: [
      'test/mount/growth-line.test.ts > %s: a mounted volume is grown at once, under its users',
      'test/mount/growth-line.test.ts > ext4: where the kernel does not let us grow it mounted',
    ],
  },
  {
    section: 'Growing',
    begins: 'A growth that fails and leaves the file system sound',
    shownBy: [
      'test/mount/growth.test.ts > of a device that others hold is told, and the Mount is as good',
      'test/mount/growth.test.ts > may leave it half changed: it is checked, and mounted with a remark',
      'test/plugin-api/status.test.ts > tell of a mounted volume where it is, who holds it, and how full it is',
    ],
  },
  {
    section: 'Growing',
    begins: 'A `resize2fs` that fails or is killed',
    shownBy: [
      'test/mount/growth.test.ts > is never followed by a mount where the check does not pass',
      'test/mount/growth.test.ts > is marked on disk before it begins',
      'test/mount/growth.test.ts > a growth that a boot cut short stays on record',
      'test/mount/growth-line.test.ts > a resize2fs that is killed in mid-write',
      'test/mount/linux/file-systems.test.ts > refuses what needs a decision',
    ],
  },
  {
    section: 'Growing',
    begins: 'A growth that was cut short',
    shownBy: [
      'test/mount/growth-line.test.ts > a growth that was cut short between the device and the file system',
      'test/providers/loop/snapshots.test.ts > a growth cut short after the file grew has happened, and a repeat makes the rest good',
      'test/providers/loop/killed-process.test.ts > a grown file is a larger volume, a shortened one an error',
    ],
  },
]
