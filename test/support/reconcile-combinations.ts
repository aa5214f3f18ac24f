import { SINCE_UNTOLD } from '../../src/libstorage/attachment-time.ts'
import type { LedgerRecord } from '../../src/mount/ledger-record.ts'
import type { Facts, KernelFacts, PlatformFacts } from '../../src/mount/reconcile.ts'

export const BEFORE = '2024-05-01T12:00:00.000Z'
export const OTHER_TIME = '2024-05-01T12:30:00.000Z'
export const NOW = '2024-05-01T13:00:00.000Z'

const PLACE = '/mnt/data'
const OLDER = '/var/lib/libstorage/volumes/data'

/** A reference whose holder knows of it. */
export const known = { id: 'a', count: 2, undelivered: 0, since: BEFORE }
/** One whose holder may not. */
export const undelivered = { id: 'b', count: 1, undelivered: 1, since: BEFORE }

/** Each dimension by its name; a combination is one value of every one. */
const dimensions = {
  boot: ['this', 'earlier'],
  /** What the record says of the attachment: none, begun, done, or that of the machine that this one is a copy of. */
  attachment: ['none', 'begun', 'done', 'of another machine'],
  recorded: ['mount', 'adopted mount', 'no mount'],
  held: ['nobody', 'known', 'undelivered', 'both'],
  intent: [true, false],
  place: ['mounted', 'dead', 'absent'],
  device: [true, false],
  older: [true, false],
  platform: ['nothing yet', 'here', 'here untold', 'here anew', 'elsewhere', 'nowhere', 'gone'],
} as const

type Dimensions = typeof dimensions
/** One value of every dimension. */
export type Combination = { readonly [K in keyof Dimensions]: Dimensions[K][number] }

function product(): Combination[] {
  let all: Record<string, unknown>[] = [{}]
  for (const [name, values] of Object.entries(dimensions))
    all = all.flatMap((one) => values.map((value) => ({ ...one, [name]: value })))
  return all as Combination[]
}

/** The kernel shows neither a mount nor a second one of a device that it does not have. */
const isPossible = ({ place, device, older }: Combination) =>
  device || (place !== 'mounted' && !older)
/** All that can be. */
export const combinations = product().filter(isPossible)

const holders = {
  nobody: [],
  known: [known],
  undelivered: [undelivered],
  both: [known, undelivered],
}

const attachments = {
  none: {},
  begun: { attachment: { instanceId: 'here' } },
  done: { attachment: { instanceId: 'here', since: BEFORE } },
  'of another machine': { attachment: { instanceId: 'original', since: BEFORE } },
}

const platforms: Record<Combination['platform'], PlatformFacts> = {
  'nothing yet': { says: 'nothing yet' },
  here: { says: 'here', since: BEFORE },
  'here untold': { says: 'here', since: SINCE_UNTOLD.toISOString() },
  'here anew': { says: 'here', since: OTHER_TIME },
  elsewhere: { says: 'elsewhere', to: ['there'] },
  nowhere: { says: 'nowhere' },
  gone: { says: 'gone' },
}

/** The record of a combination. */
export function recordOf({ boot, attachment, recorded, held, intent }: Combination): LedgerRecord {
  return {
    version: 1,
    service: 'main',
    volume: { id: 'vol-1', name: 'data', sizeGiB: 1, managed: true, labels: {} },
    bootId: boot,
    tool: {
      command: 'mkfs.xfs',
      process: { bootId: boot, pidNamespace: 'pid:[1]', pid: 7, startTime: '1' },
      since: BEFORE,
    },
    releasing: { since: BEFORE },
    references: holders[held],
    ...attachments[attachment],
    ...(recorded === 'no mount'
      ? {}
      : { mount: { mountPoint: PLACE, device: '/dev/x', since: BEFORE, complete: true } }),
    ...(recorded === 'adopted mount' ? { adopted: true } : {}),
    ...(intent ? { formatIntent: { fsType: 'xfs', uuid: 'u', attachedSince: BEFORE } } : {}),
  }
}

/** What is found beside it. */
export function factsOf({ place, device, older, platform }: Combination): Facts {
  const kernel: KernelFacts = {
    place,
    mountPoint: PLACE,
    device: device ? '/dev/x' : undefined,
    olderMounts: older ? [OLDER] : [],
  }
  const here = platform === 'nothing yet' ? undefined : 'here'
  return { bootId: 'this', now: NOW, here, kernel, platform: platforms[platform] }
}
