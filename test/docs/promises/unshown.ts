import type { UnshownPromise } from './promise.ts'

/** What no test really shows yet. This list only ever gets shorter. */
export const unshown: readonly UnshownPromise[] = [
  { section: 'Snapshots and copies', says: 'or after 30 s, whatever comes first' },
  {
    section: 'Snapshots and copies',
    says: 'Under a kernel before 6.7, a btrfs that was copied without being frozen is refused',
  },
  {
    section: 'Snapshots and copies',
    says: 'A Create that copies may take longer than Docker waits',
  },
  { section: 'Taking over from another machine', says: 'the work goes on for up to ten minutes' },
  {
    section: 'Taking over from another machine',
    says: 'notices within 10 s that the device is gone',
  },
  {
    section: 'Start, stop, crash, reboot',
    says: '`/var/lib/libstorage/volumes`, `/var/lib/rexray/volumes`, `/var/lib/rexray/docker/volumes`',
  },
  {
    section: 'Start, stop, crash, reboot',
    says: 'What a managed REX-Ray plugin mounts within its own folder is not taken away',
  },
]
