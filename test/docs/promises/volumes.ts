import type { ShownPromise } from './promise.ts'

/** What shows the promises about names and existence. */
export const volumes: readonly ShownPromise[] = [
  {
    section: 'Names',
    begins: 'A name is looked up exactly',
    shownBy: [
      'test/libstorage/catalog.test.ts > the exact name comes before the one that differs in letter case',
      'test/libstorage/catalog.test.ts > two that differ in letter case only are an error that lists both',
      'test/libstorage/catalog.test.ts > before a Remove an old list is fetched anew',
      'test/mount/letter-case.test.ts > a repeated Remove of the one does not destroy the other',
      'test/mount/letter-case.test.ts > creates at once of names that differ in letter case only',
    ],
  },
  {
    section: 'Names',
    begins: 'A new name has 1 to 128 characters',
    shownBy: [
      'test/mount/volume-name.test.ts > may be %j',
      'test/mount/volume-name.test.ts > may not be %j',
      'test/mount/existence.test.ts > refuses the name %j',
    ],
  },
  {
    section: 'Names',
    begins: 'A volume that exists under an odder name',
    shownBy: [
      'test/mount/volume-name.test.ts > is a single file name that never leads out of its parent',
      'test/mount/volume-name.test.ts > is another one for another name',
      'test/mount/places.test.ts > no name and no root path ever leads out of the folder',
    ],
  },
  {
    section: 'Names',
    begins: "A volume's id (`vol-…`)",
    shownBy: [
      'test/libstorage/catalog.test.ts > an id is understood where a volume is looked up',
      'test/libstorage/catalog.test.ts > an id is never taken where only a name will do',
      'test/mount/existence.test.ts > never takes an id',
    ],
  },
  {
    section: 'Names',
    begins: 'A volume appears at',
    shownBy: [
      'test/mount/places.test.ts > a volume is mounted under its name, and containers get the folder inside',
      'test/mount/several-services.test.ts > have volumes of the same names, and one named like a service, side by side',
      'test/app.test.ts > a service that is not the primary one has a folder of its own',
    ],
  },
  {
    section: 'Names',
    begins: 'A volume that is mounted when `mount.path` is changed',
    shownBy: [
      'test/mount/left-behind.test.ts > a volume that was mounted when mount.path was changed is let go from both places',
    ],
  },
  {
    section: 'Names',
    begins: 'Remora never mounts on top',
    shownBy: [
      'test/mount/others-mount-point.test.ts > a volume is never mounted on top of what somebody else has mounted at its place',
    ],
  },
  {
    section: 'Names',
    begins: 'Where something is mounted over the folder',
    shownBy: [
      'test/mount/covered-place.test.ts > is mounted where the path leads now, and no container gets what lies there',
      'test/mount/covered-place.test.ts > is let go when the other mount is gone',
    ],
  },
  {
    section: 'Existence',
    begins: 'A volume exists if the platform says so',
    shownBy: [
      'test/mount/existence.test.ts > an outage is never "not found"',
      'test/libstorage/catalog-outage.test.ts > an unknown volume is "unavailable", never "not found"',
      'test/providers/pool/pool.test.ts > is an outage, not an empty list, when it goes away',
    ],
  },
  {
    section: 'Existence',
    begins: 'A pool of `loop` or `vfs` gets a file `.pool`',
    shownBy: [
      'test/providers/pool/pool-mark.test.ts > is no pool without volumes: nothing is "not found" there, and nothing made',
      'test/providers/pool/pool-mark.test.ts > is none for the next server either, whose calls name the way out',
      'test/providers/pool/pool-mark.test.ts > is the pool again when its disk is mounted',
    ],
  },
  {
    section: 'Existence',
    begins: '`docker volume ls` and `inspect` never wait',
    shownBy: [
      'test/plugin-api/status.test.ts > are answered while a Mount of the same volume takes its time',
      'test/e2e/moby.test.ts > TestExternalVolumeDriverLookupNotBlocked',
    ],
  },
  {
    section: 'Existence',
    begins: 'What is remembered',
    shownBy: [
      'test/libstorage/catalog.test.ts > is not asked for again within 5 s, and is after that',
      'test/libstorage/catalog.test.ts > a definite "no such volume" is remembered for 2 s only',
      'test/libstorage/catalog-outage.test.ts > is waited for no longer than 2 s where the volume is known',
      'test/mount/existence.test.ts > answers from memory within five seconds, and a volume mounted here always',
    ],
  },
  {
    section: 'Existence',
    begins: 'On a platform that lags',
    shownBy: [
      'test/libstorage/changes.test.ts > for 30 s the platform is not believed that',
      'test/libstorage/changes.test.ts > a volume made here is not there',
      'test/libstorage/changes.test.ts > a volume detached here is attached',
    ],
  },
  {
    section: 'Existence',
    begins: 'Many look-ups of the same volume',
    shownBy: ['test/libstorage/catalog.test.ts > are one look-up for a name, and one for the list'],
  },
  {
    section: 'Existence',
    begins: 'Create of a name that exists succeeds',
    shownBy: [
      'test/mount/existence.test.ts > makes a volume of the configured size, and an existing name is a success',
      'test/mount/creation.test.ts > another size than the volume of that name has',
      'test/cli/volume/changes.test.ts > create says that a name exists already, and stops there',
    ],
  },
  {
    section: 'Existence',
    begins: 'A platform may have zones',
    shownBy: [
      'test/libstorage/namesakes.test.ts > one in another zone is an error that names its id and both zones',
      'test/libstorage/namesakes.test.ts > one in another zone is no matter where the zone is said',
      'test/mount/existence.test.ts > refuses a name that a volume in another zone has, unless a zone is asked for',
    ],
  },
  {
    section: 'Existence',
    begins: 'Everything about a Create is checked',
    shownBy: [
      'test/mount/existence.test.ts > refuses the name %j',
      'test/mount/volume-options.test.ts > a misspelt option is refused whatever the others are',
      'test/mount/creation.test.ts > it is looked whether the file system can be made on this machine',
      'test/mount/creation.test.ts > it is looked whether the kernel takes the mount options',
    ],
  },
  {
    section: 'Existence',
    begins: 'An option that nobody knows',
    shownBy: [
      'test/mount/volume-options.test.ts > the misspelt %s',
      'test/mount/creation.test.ts > options that mean nothing on the platform',
      'test/mount/existence.test.ts > are refused where encryption was asked for',
      'test/mount/growth.test.ts > are refused, and no volume is made',
    ],
  },
  {
    section: 'Existence',
    begins: '`overwritefs` is understood',
    shownBy: [
      'test/mount/volume-options.test.ts > %s=%s is taken',
      'test/mount/mount-manager.test.ts > %s is refused, nothing is written, and the volume is let go again',
    ],
  },
  {
    section: 'Existence',
    begins: 'Remove is refused while anybody uses',
    shownBy: [
      'test/mount/existence.test.ts > is refused while a holder that counts for itself has a reference, and names it',
      'test/mount/existence.test.ts > a container that holds the device keeps the volume',
      'test/mount/existence.test.ts > waits until a Mount that was answered just now can have taken hold',
      'test/mount/references.test.ts > may be stale only where its client counts for it and may forget',
      'test/mount/several-services.test.ts > on vfs every reference keeps a volume from being removed',
      'test/mount/command-beside-server.test.ts > its remove is refused while anybody has a reference',
    ],
  },
  {
    section: 'Existence',
    begins: 'A volume that is only lingering',
    shownBy: [
      'test/mount/lingering.test.ts > is removed at once by the command line',
      'test/mount/existence.test.ts > a missing volume is a success only if it was removed here before',
    ],
  },
  {
    section: 'Existence',
    begins: '`create.disable` and `remove.disable`',
    shownBy: [
      'test/mount/creation.test.ts > create.disable makes a Create succeed and do nothing',
      'test/mount/creation.test.ts > remove.disable makes a Remove succeed and do nothing',
      'test/mount/creation.test.ts > create.implicit makes a Mount make the volume that does not exist, once',
      'test/mount/creation.test.ts > without create.implicit a Mount never makes a volume',
    ],
  },
]
