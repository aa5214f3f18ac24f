import { expect, test } from 'vitest'
import { isTestThere } from '../support/documents.ts'

/** A check that a successor of REX-Ray's has to pass. */
interface SuccessorCheck {
  readonly says: string
  /** Each is `<file> > <title>`; of a title its beginning is enough. */
  readonly shownBy: readonly string[]
  /** Why no test shows it. */
  readonly unshown?: string
}

/** The checks by their numbers, each with the tests that show it. */
const checks: Readonly<Record<number, SuccessorCheck>> = {
  1: {
    says: 'a life on a fake EC2: no more calls than REX-Ray, and its replies',
    shownBy: [
      "test/e2e/ebs.test.ts > check 1: a volume's whole life asks EC2 for no more than with REX-Ray",
      'test/providers/ebs/calls.test.ts > create: one change',
      'test/providers/ebs/calls.test.ts > mount: one change, and one look-up',
      'test/plugin-api/status.test.ts > tell of an unmounted volume what REX-Ray told',
      'test/plugin-api/app.test.ts > is answered with 200, JSON and Connection: close at every step',
      'test/plugin-api/app.test.ts > a missing volume is 500 with a JSON Err in the words of REX-Ray',
    ],
  },
  2: {
    says: 'the daemon killed between Mount and Unmount with two users: the second keeps its mount, and Path answers',
    shownBy: [
      'test/e2e/restarts.test.ts > loses no byte of theirs, and the next one releases the volume when they end',
      'test/e2e/switch.test.ts > goes on under Remora: its containers write, stop and start',
    ],
  },
  3: {
    says: 'a configuration of 0.3 boots, with docker.size and preempt',
    shownBy: [
      'test/config/reference-files.test.ts > 5, acceptance check 3: the style of 0.3 boots',
      "test/e2e/ebs.test.ts > a file of REX-Ray 0.3 from the field is a served ebs service, with the file's preempt",
    ],
  },
  4: {
    says: 'both versions of the metadata service; names of NVMe disks; device names, ghosts among them',
    shownBy: [
      'test/providers/ebs/imds.test.ts > many questions are asked with one token',
      'test/providers/ebs/imds.test.ts > where asking for a token is %i, it is asked without',
      'test/providers/ebs/block-devices.test.ts > a disk is found by the serial of its volume',
      'test/providers/ebs/block-devices.test.ts > a disk is found by its name, if it has the size',
      'test/providers/ebs/device-names.test.ts > there are 76',
      'test/providers/ebs/device-names.test.ts > that EC2 called taken comes last',
      'test/providers/ebs/attachments.test.ts > takes another name where somebody attached a disk by hand under ours',
    ],
  },
  5: {
    says: 'a device with something unknown on it is refused, not formatted',
    shownBy: [
      'test/e2e/foreign-content.test.ts > is refused and not touched',
      'test/e2e/foreign-content.test.ts > is refused again and again',
    ],
  },
  6: {
    says: 'attached elsewhere: a clear error without preempt, a take-over with it, and a failure leaves nothing behind',
    shownBy: [
      'test/cli/acceptance.test.ts > check 6: a volume that another machine has is refused',
      'test/e2e/take-over.test.ts > is refused after attachWait with the holder and the ways out',
      'test/mount/take-over/take-over.test.ts > is forced when its grace is over, with a warning',
      'test/mount/take-over/take-over.test.ts > is asked to let go',
      'test/mount/left-behind.test.ts > no device of a Mount that failed is left',
    ],
  },
  7: {
    says: 'the table and the JSON of volume ls, byte by byte, and YAML',
    shownBy: [
      'test/cli/acceptance.test.ts > check 7: the table of volume ls',
      'test/cli/acceptance.test.ts > check 7: its JSON',
      'test/cli/acceptance.test.ts > check 7: -f yaml',
    ],
  },
  8: {
    says: "each setting of the managed plugin's environment changes behaviour",
    shownBy: [
      'test/config/reference-files.test.ts > acceptance check 8: each setting of the managed plugin',
      "test/config/reference-files.test.ts > 6, the managed plugins' file works without a warning",
    ],
  },
  9: {
    says: 'VirtualBox: the sequence of its calls, its ports, and preempt that detaches from all',
    shownBy: [
      'test/providers/virtualbox/calls.test.ts > a volume is made as REX-Ray made it',
      'test/providers/virtualbox/calls.test.ts > an attach is REX-Ray’s, and saved before anything else',
      'test/providers/virtualbox/calls.test.ts > a detach is REX-Ray’s, and a removal',
      'test/providers/virtualbox/faults.test.ts > takes as many volumes as its controller has ports',
      'test/providers/virtualbox/take-over.test.ts > is taken from all where several that are off have it',
    ],
  },
  10: {
    says: 'Podman mounts within its 5 s, or with volume_plugin_timeout',
    shownBy: [
      'test/e2e/podman.test.ts > writes in one container and reads in the next',
      'test/e2e/podman-interrupted.test.ts > gives up a Mount after its 5 s without a repeat',
      'test/e2e/podman-interrupted.test.ts > waits longer where volume_plugin_timeout says so',
    ],
  },
}

test('every check is one of ten, and is shown or says why not', () => {
  expect(Object.keys(checks)).toEqual(Array.from({ length: 10 }, (_, index) => String(index + 1)))
  const bare = Object.values(checks).filter(
    ({ shownBy, unshown }) => (shownBy.length === 0) === (unshown === undefined),
  )
  expect(bare).toEqual([])
})

test('every test that is named is there', () => {
  const named = Object.values(checks).flatMap(({ shownBy }) => shownBy)
  expect(named.filter((name) => !isTestThere(name))).toEqual([])
})

test('what no test shows gets less only', () => {
  const unshown = Object.entries(checks).filter(([, check]) => check.unshown !== undefined)
  expect(unshown.map(([number]) => number)).toEqual([])
})
