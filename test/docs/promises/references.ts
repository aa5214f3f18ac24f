import type { ShownPromise } from './promise.ts'

/** What shows the promises about references. */
export const references: readonly ShownPromise[] = [
  {
    section: 'References',
    begins: 'Docker passes an id',
    shownBy: [
      'test/mount/mount-manager.test.ts > counts per holder: docker cp mounts once more with the id of a running container',
      'test/mount/interleaving.test.ts > however n holders mount and unmount',
    ],
  },
  {
    section: 'References',
    begins: 'Podman sends one and the same id',
    shownBy: [
      'test/mount/mount-manager.test.ts > the id %j is one reference however often it comes',
      'test/mount/references.test.ts > that sends one Unmount for all its Mounts counts once: %j',
    ],
  },
  {
    section: 'References',
    begins: 'Nothing tells a request that Docker repeats',
    shownBy: [
      'test/e2e/held-elsewhere.test.ts > keeps its device after umount on the host, a restart and an Unmount, until it ends',
    ],
  },
  {
    section: 'References',
    begins: 'An Unmount with an unknown id',
    shownBy: [
      'test/mount/mount-manager.test.ts > an Unmount with an unknown id succeeds and changes nothing',
    ],
  },
  {
    section: 'References',
    begins: 'An Unmount that fails, or that waits',
    shownBy: [
      'test/mount/owed.test.ts > since another process has the volume is done when that lets it go',
      'test/mount/owed.test.ts > since the disk of the ledger is full is done when there is room',
      'test/mount/owed.test.ts > is done by the Mount of anybody else, which leaves the volume where it is',
      'test/mount/owed.test.ts > waits no longer for who has the volume, and says what is left to do',
    ],
  },
  {
    section: 'References',
    begins: 'A reference is on the disk',
    shownBy: [
      'test/mount/ledger.test.ts > is on disk when the writing has ended, for every later process',
      'test/e2e/crash.test.ts > of the server and all that it started loses nothing, wherever it comes',
    ],
  },
  {
    section: 'References',
    begins: 'A caller that went away',
    shownBy: [
      'test/mount/mount-manager.test.ts > whoever goes away while the volume is brought up loses the reference only',
      'test/plugin-api/serve-call.test.ts > gets no reference either when it is gone before the reply',
      'test/mount/releaser.test.ts > what was brought up for a caller that has gone is kept for 60 s',
    ],
  },
  {
    section: 'References',
    begins: 'After a crash, a reference whose answer',
    shownBy: [
      'test/mount/references.test.ts > what was not delivered is doubted from then on, and stays so over the next crash',
      'test/mount/references.test.ts > a repeat with the same id takes the place of the doubted one',
      'test/mount/references.test.ts > a doubted reference that somebody uses is kept as if it had been delivered',
      'test/mount/releaser.test.ts > is dropped after 120 s where nobody holds the device',
      'test/mount/releaser.test.ts > is kept after 120 s where somebody holds the device',
    ],
  },
  {
    section: 'References',
    begins: 'While a process of the host',
    shownBy: [
      'test/mount/mount-manager.test.ts > a file that is open on the host keeps the volume mounted, and Unmount succeeds',
      'test/mount/releaser.test.ts > is released when that process has let go, which is tried every second',
      'test/mount/releaser.test.ts > stays where a Mount comes in between',
    ],
  },
  {
    section: 'References',
    begins: 'With `unmount.ignoreUsedCount`',
    shownBy: [
      'test/mount/mount-manager.test.ts > ignoreUsedCount: the first Unmount drops all references',
      'test/mount/mount-manager.test.ts > a device that others hold stays attached until they let go',
    ],
  },
]
