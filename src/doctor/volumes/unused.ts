import type { Check, Finding } from '../../libstorage/check.ts'
import type { Volume } from '../../libstorage/types.ts'
import type { RecordedEvent } from '../../mount/event-log.ts'
import type { ServiceLook } from './service-look.ts'
import { about, allOr, inShell, lasting } from './wording.ts'

const UNUSED_MS = 30 * 86_400_000

/** Volumes of ours that nobody has and that nothing was done with here for 30 days. */
export function unusedCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.unused',
    title: 'volumes that nobody has used for 30 days',
    after: ['volumes.platform', 'volumes.ledger', 'machine.folders'],
    run: async () => {
      const [{ volumes }, { records }, events] = await Promise.all([
        look.platform(),
        look.ledger(),
        look.events(),
      ])
      const known = new Set(records.map(({ volume }) => volume.id))
      const idle = volumes.filter(
        ({ id, managed, attachments }) => managed && attachments.length === 0 && !known.has(id),
      )
      const now = look.parts.now()
      const findings = idle.flatMap((volume) => finding(volume, events, now) ?? [])
      return allOr(findings, 'each volume was used within 30 days')
    },
  }
}

function finding(volume: Volume, events: readonly RecordedEvent[], now: Date): Finding | undefined {
  const last = events.findLast(({ volumeId }) => volumeId === volume.id)
  const time = last === undefined ? volume.createdAt : new Date(last.time)
  if (time === undefined || now.getTime() - time.getTime() < UNUSED_MS) return undefined
  const age = lasting(now.getTime() - time.getTime())
  const what = last === undefined ? `was made ${age} ago` : `was last ${last.kind} here ${age} ago`
  return about(
    volume,
    `(${volume.sizeGiB} GiB) is attached nowhere and ${what}`,
    `if nobody needs it: remora volume rm ${inShell(volume.name)}`,
    'warn',
  )
}
