import type { ShownPromise } from './promise.ts'

/** What shows the promises about the command line beside the server. */
export const commands: readonly ShownPromise[] = [
  {
    section: 'The command line beside the server',
    begins: 'One server serves a `REXRAY_HOME`',
    shownBy: [
      'test/app.test.ts > there is one server for a home, until it closes',
      'test/e2e/command-line.test.ts > a second server on the same home is refused and names the first',
    ],
  },
  {
    section: 'The command line beside the server',
    begins: 'The commands work with a server',
    shownBy: [
      'test/e2e/command-line.test.ts > makes, mounts, shows and removes a volume that the server serves too',
      'test/mount/command-beside-server.test.ts > what it mounts the server knows of, and the other way round',
    ],
  },
  {
    section: 'The command line beside the server',
    begins: '`volume ls` and `volume path` are told',
    shownBy: [
      'test/command-answers.test.ts > where a variable of the configuration, or one of the SDK, is another',
      'test/command-answers.test.ts > where the server does not answer in time, or says no more than half',
      'test/command-answers.test.ts > shows at once what a command has just made or removed',
      'test/command-answers.test.ts > comes from what the server remembers, as for Docker',
      'test/cli/quick/run.test.ts > volume %s %s %s: what the server tells is printed',
    ],
  },
  {
    section: 'The command line beside the server',
    begins: '`volume mount` takes the reference',
    shownBy: [
      'test/cli/volume/changes.test.ts > mount prints the path and holds the volume as cli',
      'test/mount/command-beside-server.test.ts > its unmount is refused while others hold the volume, and names them',
      'test/mount/command-beside-server.test.ts > its remove is refused while anybody has a reference',
    ],
  },
  {
    section: 'The command line beside the server',
    begins: '`volume unmount` has detached',
    shownBy: [
      'test/mount/lingering.test.ts > is detached at once by the unmount of the command line, which is a success',
    ],
  },
  {
    section: 'The command line beside the server',
    begins: '`volume attach` attaches without',
    shownBy: [
      'test/mount/by-hand.test.ts > stays attached without being mounted, and no start of a server detaches it',
      'test/mount/by-hand.test.ts > is mounted as it is, and detached by the last Unmount',
      'test/mount/by-hand.test.ts > is refused while %s holds the volume',
    ],
  },
  {
    section: 'The command line beside the server',
    begins: '`--force` of `volume mount`',
    shownBy: [
      'test/cli/volume/changes.test.ts > %s takes a volume from another machine only with --force',
      'test/mount/by-hand.test.ts > is taken from a machine that runs only by force',
      'test/mount/take-over/tug-of-war.test.ts > takes it back at once when somebody forces that',
    ],
  },
  {
    section: 'The command line beside the server',
    begins: 'No flag skips a check',
    shownBy: [
      'test/mount/by-hand.test.ts > is not mounted by force either where something else lies on it',
    ],
  },
  {
    section: 'The command line beside the server',
    begins: 'A lock belongs to a process',
    shownBy: [
      'test/mount/locks.test.ts > that was stopped keeps it, however long',
      'test/mount/locks.test.ts > keeps it over a jump of the clock',
      'test/mount/lock-owners.test.ts > that was stopped is named at the deadline',
      'test/mount/lost-lock.test.ts > a lock that is taken away stops the operation before its next step:',
      'test/mount/owed-locks.test.ts > makes no error of what was done under it, and is told',
    ],
  },
  {
    section: 'The command line beside the server',
    begins: 'What a command leaves that was killed',
    shownBy: [
      'test/mount/reconciler.test.ts > is released by the running server within seconds',
      'test/e2e/crash.test.ts > beside a living server loses nothing, wherever it comes, and can be repeated',
    ],
  },
]
