import type { Check, Finding } from '../../libstorage/check.ts'
import { isProvablyDead } from '../../libstorage/process-identity.ts'
import { shellWord } from '../../libstorage/shell.ts'
import type { LedgerRecord } from '../../mount/ledger-record.ts'
import { numberOfDevice } from '../../mount/linux/mountinfo.ts'
import { findUsers } from '../../mount/linux/users.ts'
import { placeOf } from '../../mount/recorded-place.ts'
import type { ServiceLook } from './service-look.ts'
import { about, allOr, inShell, meaning, since } from './wording.ts'

/** What takes longer than this is worth a word. */
const LONG_MS = 60_000
const LONG_TOOL_MS = 600_000

/** What was begun with a volume and has not come to its end: a release, a tool, taking it over. */
export function unfinishedCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.unfinished',
    title: 'what was begun with volumes and is not done',
    after: ['volumes.ledger'],
    run: async () => {
      const [{ records }, server] = await Promise.all([look.ledger(), look.parts.server()])
      const findings = await Promise.all(
        records.map(async (record) => [
          ...(await releasing(look, record)),
          ...tool(look, record),
          ...takeOver(look, record),
          ...leftAlone(record, server),
        ]),
      )
      return allOr(findings.flat(), 'nothing is under way for long')
    },
  }
}

async function releasing(look: ServiceLook, record: LedgerRecord): Promise<readonly Finding[]> {
  const { releasing: release, volume } = record
  const now = look.parts.now()
  if (release === undefined || !isLong(release.since, now, LONG_MS)) return []
  const { mountPoint } = placeOf(await look.places(), record)
  const { disk, deviceName } = record.attachment ?? {}
  const device = record.mount?.device ?? disk?.device ?? deviceName
  // A platform's name for a device may mean nothing to the kernel, or another disk.
  const number = device === undefined ? undefined : numberOfDevice(device)
  const users = findUsers(mountPoint, number)
  const who = users.length === 0 ? 'something that is not seen from here' : users.join(', ')
  return [
    about(
      volume,
      `lingers: it shall be released ${since(release.since, now)} and is held by ${who}`,
      users.length === 0
        ? `fuser -vm ${shellWord(number === undefined ? mountPoint : (device ?? mountPoint))}`
        : `end ${who}`,
      'warn',
    ),
  ]
}

function tool(look: ServiceLook, { tool: at, volume }: LedgerRecord): readonly Finding[] {
  const now = look.parts.now()
  if (at === undefined) return []
  const { command, process } = at
  if (isProvablyDead(process))
    return [
      about(
        volume,
        `was left by ${command}, which has died`,
        `the next mount goes on from there: remora volume mount ${inShell(volume.name)}`,
        'warn',
      ),
    ]
  if (!isLong(at.since, now, LONG_TOOL_MS)) return []
  return [
    about(
      volume,
      `is still being prepared by ${command}, pid ${process.pid}, ${since(at.since, now)}`,
      `see whether its disk hangs: cat /proc/${process.pid}/stack`,
      'warn',
    ),
  ]
}

function takeOver(
  look: ServiceLook,
  { takeOver: taking, volume }: LedgerRecord,
): readonly Finding[] {
  const now = look.parts.now()
  if (taking === undefined || !isLong(taking.begunAt, now, LONG_MS)) return []
  return [
    about(
      volume,
      `is being taken from ${taking.from} ${since(taking.begunAt, now)}`,
      `remora doctor ${inShell(volume.name)}`,
      'warn',
    ),
  ]
}

/** A volume that a command or a server left while it was at work, with nobody there to go on. */
function leftAlone(
  { mount, attachment, references, volume, releasing: release }: LedgerRecord,
  server: number | undefined,
): readonly Finding[] {
  const isLeft = references.length === 0 && (mount ?? attachment ?? release) !== undefined
  if (server !== undefined || !isLeft) return []
  return [
    about(
      volume,
      'is not used and still here, and no server runs that releases it',
      `remora service start\nor: remora volume unmount ${meaning(volume)}`,
      'warn',
    ),
  ]
}

function isLong(began: string, now: Date, limitMs: number): boolean {
  return now.getTime() - Date.parse(began) > limitMs
}
