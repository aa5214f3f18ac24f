import type { ShownPromise } from './promise.ts'

/** What shows the promises about snapshots and copies. */
export const copying: readonly ShownPromise[] = [
  {
    section: 'Snapshots and copies',
    begins: '`snapshotid` and `snapshotname`',
    shownBy: [
      'test/mount/volume-options.test.ts > is said by %s',
      'test/mount/volume-options.test.ts > is one thing',
      'test/mount/copy-line.test.ts > %s: a copy of a volume in use that is larger is grown by its first Mount',
      'test/mount/copy-line.test.ts > two snapshots of one name are an error that lists both',
      'test/support/driver-suite/abilities.ts > of an unknown volume, or smaller, or of a taken name, is refused',
    ],
  },
  {
    section: 'Snapshots and copies',
    begins: 'A copy is of one moment',
    shownBy: [
      'test/mount/copy-line.test.ts > %s: a snapshot has every line that was synced before, none that came later',
    ],
  },
  {
    section: 'Snapshots and copies',
    begins: 'A volume that is in use is copied',
    shownBy: [
      'test/mount/copy-line.test.ts > of a volume in use are refused, its file system goes on at once',
      'test/providers/loop/snapshots.test.ts > a volume in use is copied at one stroke',
    ],
  },
  {
    section: 'Snapshots and copies',
    begins: 'A freeze ends with the copy',
    shownBy: [
      'test/mount/left-frozen.test.ts > is thawed by a server that runs, though it is in use',
      'test/mount/left-frozen.test.ts > is thawed by a command that is refused',
      'test/mount/copy-line.test.ts > the file system is thawed also where the copy fails',
      'test/mount/copy-line.test.ts > a server that is killed while a file system is frozen leaves it thawed',
      'test/mount/linux/freezing.test.ts > ends by itself when its time is up',
      'test/mount/linux/freezing.test.ts > lasts 30 s at most',
    ],
  },
  {
    section: 'Snapshots and copies',
    begins: 'A copy that was cut short leaves nothing',
    shownBy: [
      'test/mount/long-copy.test.ts > a server that ends gives up a copy of hours, and nothing of it is left',
      'test/support/driver-suite/abilities.ts > it outlives its volume, and what was made from it outlives it',
    ],
  },
  {
    section: 'Snapshots and copies',
    begins: 'A copy of an EBS snapshot',
    shownBy: [
      'test/providers/ebs/snapshot-twins.test.ts > is made once, whoever asks; by another name it is another',
      'test/providers/ebs/snapshot-twins.test.ts > and whose reply was lost is the one that was made',
      'test/providers/ebs/snapshot-twins.test.ts > and whose maker died before the answer is found by the next process',
      'test/providers/ebs/snapshot-twins.test.ts > by two machines at once is the same one for both',
      'test/providers/ebs/snapshot-copies.test.ts > of a copy is of that volume too, and all of them are found by it',
      'test/mount/snapshot-copies.test.ts > a snapshot that is being copied is not removed until that is over',
    ],
  },
  {
    section: 'Snapshots and copies',
    begins: 'A copy is never formatted',
    shownBy: [
      'test/mount/copy-line.test.ts > of a volume that nobody uses are made, and never formatted',
      'test/mount/copy-line.test.ts > btrfs: a copy that was taken without quiet is whole too',
      'test/mount/linux/telling-apart.test.ts > is refused under a kernel before 6.7 while its original is mounted',
      'test/mount/linux/telling-apart.test.ts > may be mounted under such a kernel once its original is not',
    ],
  },
  {
    section: 'Snapshots and copies',
    begins: 'A Create that copies may take longer than Docker waits',
    shownBy: [
      'test/mount/long-copy.test.ts > that takes longer than its caller waits goes on, and the repeat of the Create joins it',
    ],
  },
]
