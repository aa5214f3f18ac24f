import type { Check, Finding } from '../../libstorage/check.ts'
import type { Instance, Volume } from '../../libstorage/types.ts'
import type { RecordedEvent } from '../../mount/event-log.ts'
import type { ServiceLook } from './service-look.ts'
import { about, allOr, lasting, meaning } from './wording.ts'

const UNUSED_MS = 30 * 86_400_000

/** Volumes of ours that nobody has and that nothing was done with here for 30 days. */
export function unusedCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.unused',
    title: 'volumes that nobody has used for 30 days',
    after: ['volumes.platform', 'volumes.ledger', 'machine.folders'],
    run: async () => {
      const [{ volumes, here }, { records }, events] = await Promise.all([
        look.platform(),
        look.ledger(),
        look.events(),
      ])
      const known = new Set(records.map(({ volume }) => volume.id))
      const idle = volumes.filter(
        ({ id, managed, managedBy, attachments }) =>
          managed && managedBy === undefined && attachments.length === 0 && !known.has(id),
      )
      const now = look.parts.now()
      const findings = idle.flatMap((volume) => finding(volume, { events, now, here }) ?? [])
      return allOr(findings, 'each volume was used within 30 days')
    },
  }
}

interface Looked {
  readonly events: readonly RecordedEvent[]
  readonly now: Date
  readonly here: Instance
}

function finding(volume: Volume, { events, now, here }: Looked): Finding | undefined {
  const last = events.findLast(({ volumeId }) => volumeId === volume.id)
  const time = last === undefined ? volume.createdAt : new Date(last.time)
  if (time === undefined || now.getTime() - time.getTime() < UNUSED_MS) return undefined
  const age = lasting(now.getTime() - time.getTime())
  // What the machines of another zone do with it is in their own events.
  const isHere = volume.zone === undefined || volume.zone === here.zone
  const where = isHere ? '' : ` in ${volume.zone}`
  const what = last === undefined ? `was made ${age} ago` : `was last ${last.kind} here ${age} ago`
  return about(
    volume,
    `has ${volume.sizeGiB} GiB, is attached nowhere and ${what}`,
    `if nobody${where} needs it: remora volume rm ${meaning(volume)}`,
    'warn',
  )
}
