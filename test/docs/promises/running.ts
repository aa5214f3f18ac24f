import type { ShownPromise } from './promise.ts'

/** What shows the promises about lingering, starts and ends, and records. */
export const running: readonly ShownPromise[] = [
  {
    section: 'Lingering',
    begins: 'After the last reference has left',
    shownBy: [
      'test/mount/releaser.test.ts > after its last Unmount a volume stays attached for unmount.detachDelay',
      'test/mount/releaser.test.ts > a Mount of a volume that stays attached asks the platform nothing, unless its disk is gone',
      'test/mount/lingering.test.ts > is mounted by the command line without another attach',
    ],
  },
  {
    section: 'Lingering',
    begins: 'A Remove, a copy, the command line and the end',
    shownBy: [
      'test/mount/lingering.test.ts > is copied as one that nobody uses',
      'test/mount/lingering.test.ts > is removed at once by the command line',
      'test/mount/lingering.test.ts > is detached when the server ends',
      'test/mount/lingering.test.ts > is detached at the next start after a crash',
    ],
  },
  {
    section: 'Start, stop, crash, reboot',
    begins: 'Only where nothing is configured',
    shownBy: [
      'test/default-service.test.ts > vfs is chosen where loop cannot be served, and the reason says why',
      'test/default-service.test.ts > a choice that cannot be served any more is an error, never another driver',
      'test/app.test.ts > a configured service that this machine cannot serve is an error, never a fallback',
      'test/e2e/command-line.test.ts > a configuration that may have meant another service serves nothing: %j',
    ],
  },
  {
    section: 'Start, stop, crash, reboot',
    begins: 'On SIGTERM and SIGINT',
    shownBy: [
      'test/cli/start.test.ts > %s closes everything and ends with 0',
      'test/plugin-api/server.test.ts > takes the file away, serves who had dialled, finishes what is under way, then ends',
      'test/mount/lingering.test.ts > is detached when the server ends',
      'test/e2e/restarts.test.ts > loses no call over connections',
    ],
  },
  {
    section: 'Start, stop, crash, reboot',
    begins: 'At start, what is recorded is compared',
    shownBy: [
      'test/mount/reconcile.test.ts > is what the table says, rule $index: $step',
      'test/mount/reconciler.test.ts > is asked once at a start, however many volumes there are',
      'test/mount/reconciler.test.ts > that does not answer holds nobody up, and is asked again',
      'test/mount/interrupted-trial.test.ts > a volume in use that a process took from its place and died',
    ],
  },
  {
    section: 'Start, stop, crash, reboot',
    begins: 'A mount that is not recorded',
    shownBy: [
      'test/mount/adoption.test.ts > is adopted where it is, and a Mount gives the same file system at our place',
      'test/mount/adoption.test.ts > goes from both places at the last release, and is detached',
      'test/mount/adoption.test.ts > stays at the old place while a container of then runs, and goes with its Unmount',
      'test/mount/adoption.test.ts > is adopted anywhere beneath the mount path, whatever its folder is called',
      'test/mount/adoption.test.ts > goes from an older place with the first Unmount',
      'test/e2e/switch.test.ts > goes on under Remora: its containers write, stop and start, and every byte of theirs is there',
      'test/e2e/coming-from-rexray.test.ts > has its mounts adopted where each of its versions made them',
      'test/e2e/coming-from-rexray.test.ts > keeps what a managed plugin mounts in its own folder',
    ],
  },
  {
    section: 'Start, stop, crash, reboot',
    begins: 'A format that a crash cut short',
    shownBy: [
      'test/mount/format-intent.test.ts > keeps its attachment over a start',
      'test/mount/reconciler.test.ts > is finished after 120 s if nobody repeats the Mount, and the volume is let go',
    ],
  },
  {
    section: 'Start, stop, crash, reboot',
    begins: 'A tool that was at work',
    shownBy: [
      'test/mount/linux/tools.test.ts > is named with its process before it begins',
      'test/mount/command-beside-server.test.ts > it waits for the tool of a server that was killed',
      'test/e2e/waiting-command.test.ts > mounts it when the mkfs of the dead server has ended',
    ],
  },
  {
    section: 'Start, stop, crash, reboot',
    begins: 'A record that is corrupt',
    shownBy: [
      'test/mount/ledger.test.ts > is put aside, loudly, and nothing else is lost: %j',
      'test/mount/lost-record.test.ts > is released by the Unmount of whoever used it, and can be removed',
    ],
  },
  {
    section: 'Start, stop, crash, reboot',
    begins: 'A record that cannot be read',
    shownBy: [
      'test/mount/ledger-damage.test.ts > is refused in every call, and in none of another volume',
      'test/mount/ledger.test.ts > is not one that cannot be read just now: it stays where it is',
    ],
  },
  {
    section: 'Start, stop, crash, reboot',
    begins: 'A record that a newer version',
    shownBy: [
      'test/mount/ledger.test.ts > that a newer version wrote is refused, and stays where it is',
    ],
  },
  {
    section: 'Start, stop, crash, reboot',
    begins: 'A reboot drops all references',
    shownBy: [
      'test/mount/reconcile.test.ts > references of this boot never vanish, those of an earlier one always do',
      'test/mount/reconciler.test.ts > what nobody mounts within 120 s of the start is detached',
      'test/mount/reconciler.test.ts > what was attached by hand is never touched',
      'test/mount/reconciler.test.ts > a copy of the machine lets the original keep its volume',
    ],
  },
  {
    section: 'What is recorded',
    begins: 'Every change of a volume',
    shownBy: [
      'test/docs/events.test.ts > every kind of event is documented, and no other',
      'test/mount/event-file.test.ts > an event is one line of JSON with its time',
      'test/mount/take-over/lost.test.ts > notices it by itself: the dead mount goes',
    ],
  },
  {
    section: 'What is recorded',
    begins: 'What `docker volume inspect` shows',
    shownBy: [
      'test/plugin-api/status.test.ts > tell of an unmounted volume what REX-Ray told, under its very keys',
      'test/plugin-api/status.test.ts > tell of a mounted volume where it is, who holds it, and how full it is',
      'test/mount/linux/usage.test.ts > a directory behind a link uses what its files take',
    ],
  },
  {
    section: 'What is recorded',
    begins: 'One line in the log',
    shownBy: [
      'test/mount/swept.test.ts > %s',
      'test/mount/swept.test.ts > the log says at info which volume a server releases',
      'test/plugin-api/serve-call.test.ts > has one line at info for each call that changes something, and secrets in none',
      'test/plugin-api/serve-call.test.ts > has the calls that only look at debug, an unknown name in Get too',
      'test/plugin-api/serve-call.test.ts > has what %s failed with, and why, at warn',
    ],
  },
]
