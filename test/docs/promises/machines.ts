import type { ShownPromise } from './promise.ts'

/** What shows the promises about several machines. */
export const machines: readonly ShownPromise[] = [
  {
    section: 'Taking over from another machine',
    begins: 'is terminated, or unknown to the platform',
    shownBy: [
      'test/mount/take-over/policy.test.ts > %s, under %s, are: %s',
      'test/mount/take-over/take-over.test.ts > loses the volume, under %s',
      'test/mount/take-over/take-over.test.ts > is left to the detach of the platform first',
      'test/providers/ebs/take-over.test.ts > $holder, under $preempt',
      'test/e2e/ebs-take-over.test.ts > was terminated is had under false with all that was acknowledged',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'is stopped',
    shownBy: [
      'test/mount/take-over/policy.test.ts > %s, under %s, are: %s',
      'test/mount/take-over/take-over.test.ts > loses the volume at once, under %s',
      'test/e2e/ebs-take-over.test.ts > was stopped is had under dead with all that was acknowledged',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'is stopping',
    shownBy: [
      'test/mount/take-over/policy.test.ts > %s, under %s, are: %s',
      'test/mount/take-over/take-over.test.ts > of a stopping holder comes after attachWait under false',
      'test/mount/take-over/take-over.test.ts > is waited for while it stops, under %s',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'runs, and is letting the volume go',
    shownBy: [
      'test/mount/take-over/policy.test.ts > %s, under %s, are: %s',
      'test/mount/take-over/take-over.test.ts > comes after attachWait where the holder is letting go, under %s',
      'test/mount/take-over/fence.test.ts > is stopped also where its attachment was ending already',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'runs',
    shownBy: [
      'test/mount/take-over/policy.test.ts > %s, under %s, are: %s',
      'test/mount/take-over/take-over.test.ts > comes after attachWait where the holder runs, under %s',
      'test/mount/take-over/take-over.test.ts > is forced when its grace is over, with a warning',
      'test/mount/take-over/fence.test.ts > is stopped, and then loses the volume',
      'test/providers/ebs/take-over.test.ts > $holder, under $preempt',
      'test/providers/ebs/take-over-steps.test.ts > an instance that is starting is stopped as soon as that can be',
      'test/e2e/ebs-take-over.test.ts > is had under fence only when that instance is stopped, without force',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'It waits `mount.attachWait`',
    shownBy: [
      'test/config/load.test.ts > a service that the program chooses gets the defaults',
      'test/mount/take-over/take-over.test.ts > comes first, under %s: nothing is asked of it',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'Where the platform cannot tell',
    shownBy: [
      'test/mount/take-over/holder.test.ts > a platform that knows nothing of machines cannot tell: its holders count as running',
      'test/mount/take-over/take-over.test.ts > counts as running where the platform knows nothing of machines',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'A detach names the machine',
    shownBy: [
      'test/mount/take-over/take-over.test.ts > is another one when a third machine got the volume meanwhile',
      'test/support/driver-suite/attachments.ts > it never takes a volume from anyone else, not even by force',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'Force comes `mount.preemptGrace`',
    shownBy: [
      'test/mount/take-over/take-over.test.ts > is forced only after the grace since the request',
      'test/mount/take-over/take-over.test.ts > is not forced while its attachment is only beginning',
      'test/mount/take-over/interruptions.test.ts > between the request and the force',
      'test/mount/take-over/policy.test.ts > force is no step under %s',
      'test/providers/ebs/take-over-steps.test.ts > is left to it for attachWait, and force is the last step, preemptGrace after the request',
      'test/mount/take-over/fence.test.ts > is never taken from by force where the platform refuses to stop it',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'A detach from a machine that runs',
    shownBy: [
      'test/mount/take-over/take-over.test.ts > leaves a file system that is checked before it is mounted here',
      'test/e2e/ebs.test.ts > a disk that was pulled takes nothing more from its loser',
      'test/providers/loop/pull.test.ts > has nothing written to its file any more, and all that was acknowledged is in it',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'Stopping a machine takes minutes',
    shownBy: [
      'test/mount/take-over/fence.test.ts > is still stopping for a caller whose time is up; the work goes on and the repeat joins it',
      'test/mount/take-over/long-times.test.ts > is waited for up to ten minutes',
      'test/mount/take-over/long-times.test.ts > is not waited for longer',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'An error names the machine',
    shownBy: [
      'test/mount/take-over/take-over.test.ts > names the holder, its state, since when, and the two ways out',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'A volume that this machine and another',
    shownBy: [
      'test/mount/take-over/take-over.test.ts > leaves a volume alone that this machine and another have at once',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'What another system manages',
    shownBy: [
      'test/mount/take-over/take-over.test.ts > leaves to a $state machine what another system manages, under $preempt: a root disk is no volume',
      'test/mount/take-over/prospect.test.ts > what another system manages is left to the machine that has it, under every policy',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'A volume that the platform may give',
    shownBy: [
      'test/mount/multi-attach.test.ts > a volume that several machines may have at once is refused, and not even attached',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'No tug-of-war.',
    shownBy: [
      'test/mount/take-over/tug-of-war.test.ts > does not take it back from a machine that runs, and says why and the ways out',
      'test/mount/take-over/tug-of-war.test.ts > takes it back after five minutes without a try',
      'test/mount/take-over/tug-of-war.test.ts > waits another five minutes after each try',
      'test/mount/take-over/tug-of-war.test.ts > takes it at once when the other machine has let it go',
      'test/mount/take-over/tug-of-war.test.ts > takes it back at once when the other machine is stopped',
      'test/mount/take-over/tug-of-war.test.ts > takes it back at once when somebody forces that',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'A machine that lost a volume',
    shownBy: [
      'test/mount/take-over/lost.test.ts > notices it by itself: the dead mount goes',
      'test/mount/take-over/long-times.test.ts > where the platform says of its volume: %s has it',
      'test/mount/take-over/lost.test.ts > asks nothing of the platform while its devices are there',
      'test/mount/take-over/lost.test.ts > notices another disk under the name of its own',
      'test/mount/take-over/lost.test.ts > is found at the start of a server',
      'test/mount/take-over/lost.test.ts > is found when the platform answers again after an outage',
      'test/mount/take-over/lost.test.ts > is found at Mount where a read of the disk hangs',
      'test/mount/lost-disk.test.ts > under %s is noticed by sysfs alone',
    ],
  },
  {
    section: 'Taking over from another machine',
    begins: 'At start Remora says of every service',
    shownBy: [
      'test/cli/start-report.test.ts > the start says of every service what preempt and ignoreUsedCount are',
    ],
  },
]
