import path from 'node:path'
import type { Check, Finding } from '../../libstorage/check.ts'
import { readBootId } from '../../libstorage/process-identity.ts'
import { shellWord } from '../../libstorage/shell.ts'
import type { LedgerRecord } from '../../mount/ledger-record.ts'
import type { ServiceLook } from './service-look.ts'
import { about, allOr, counted, holdersText, meaning, since } from './wording.ts'

/** Mounts without a record, records without their mount, and what was found mounted and is used by nobody knows whom. */
export function mountsCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.mounted',
    title: 'volumes that are mounted here',
    after: ['volumes.ledger'],
    run: async () => {
      if (look.parts.storage === 'directory')
        return [{ verdict: 'pass', seen: 'volumes are directories, which are not mounted' }]
      const { records } = await look.ledger()
      const recorded = await Promise.all(records.map((record) => recordFindings(look, record)))
      const findings = [...recorded.flat(), ...(await foreignMounts(look, records))]
      const mounted = records.filter(({ mount }) => mount !== undefined)
      return allOr(
        findings,
        `${counted(mounted.length, 'volume')} mounted here, each as it is recorded`,
      )
    },
  }
}

async function recordFindings(
  look: ServiceLook,
  record: LedgerRecord,
): Promise<readonly Finding[]> {
  const { volume, mount, references, adopted, bootId } = record
  if (bootId !== readBootId()) return []
  const now = look.parts.now()
  const { state } = await look.mountOf(record)
  if (state === 'absent' && references.length > 0)
    return [
      about(
        volume,
        `is used by ${holdersText(references)} and is not mounted${mount === undefined ? '' : ` at ${mount.mountPoint}`}`,
        'remora restart   # the server mounts it again',
      ),
    ]
  if (state === 'dead')
    return [
      about(
        volume,
        `has lost its device ${mount?.device}: what is mounted at ${mount?.mountPoint} is dead`,
        `stop what uses it: ${holdersText(references) || `fuser -vm ${shellWord(mount?.mountPoint ?? '')}`}\nremora restart`,
      ),
    ]
  if (state === 'absent' && mount !== undefined)
    return [
      about(
        volume,
        `is recorded as mounted at ${mount.mountPoint} ${since(mount.since, now)}, and is not`,
        'remora service start   # the server tidies that up',
        'warn',
      ),
    ]
  if (adopted !== true || references.length > 0) return []
  return [
    about(
      volume,
      `was found mounted and is adopted: who uses it is not known, and its next Unmount releases it`,
      `when nothing uses it: remora volume unmount ${meaning(volume)}`,
      'warn',
    ),
  ]
}

/** What is mounted where volumes are, and no record knows. */
async function foreignMounts(
  look: ServiceLook,
  records: readonly LedgerRecord[],
): Promise<readonly Finding[]> {
  const { places, folders } = await look.places()
  const { reservedNames } = look.parts
  const known = new Set(
    records.flatMap((record) => [
      places.of(record.volume.name).mountPoint,
      ...(record.mount ? [record.mount.mountPoint] : []),
      ...(record.olderMounts ?? []),
    ]),
  )
  const isOurs = (mountPoint: string) =>
    folders.includes(path.dirname(mountPoint)) && !reservedNames.has(path.basename(mountPoint))
  const foreign = (await look.mounts()).filter(
    ({ mountPoint, source }) =>
      isOurs(mountPoint) && !known.has(mountPoint) && source.startsWith('/dev/'),
  )
  return foreign.map(
    ({ mountPoint, source }): Finding => ({
      verdict: 'warn',
      seen: `${source} is mounted at ${mountPoint}, and no record knows of it`,
      remedy: `if a volume of ours: remora restart   # the server adopts it\nelse: umount ${shellWord(mountPoint)}`,
    }),
  )
}
