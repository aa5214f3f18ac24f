import type { Check, Finding } from '../../libstorage/check.ts'
import type { Volume, VolumeAttachment } from '../../libstorage/types.ts'
import type { LedgerRecord } from '../../mount/ledger-record.ts'
import type { PlatformLook, ServiceLook } from './service-look.ts'
import { about, allOr, counted, holdersText, meaning, since } from './wording.ts'

/** What takes longer is stuck: platforms attach and detach within seconds. */
const STUCK_MS = 60_000
/** A volume may be attached a moment before it is mounted, and after it was unmounted. */
const IDLE_MS = 300_000

/** Volumes that are attached and not used, or recorded as attached and are not, or are stuck on the way. */
export function attachmentsCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.attached',
    title: 'volumes that are attached here',
    after: ['volumes.platform', 'volumes.ledger'],
    run: async () => {
      const [platform, { records }] = await Promise.all([look.platform(), look.ledger()])
      const known = new Map(records.map((record) => [record.volume.id, record]))
      const mine = platform.volumes.flatMap((volume) => {
        const attachment = volume.attachments.find(
          ({ instanceId }) => instanceId === platform.here.id,
        )
        return attachment === undefined
          ? []
          : [{ volume, attachment, record: known.get(volume.id) }]
      })
      const ofPlatform = await Promise.all(mine.map((one) => attachedFinding(look, one)))
      const ofLedger = await Promise.all(
        records.map(async (record) => {
          const finding = recordedFinding(look, record, platform)
          // What was being released meanwhile is noted a moment after the platform has let go of it.
          if (finding?.verdict !== 'fail') return finding
          return (await look.stays(record)) ? finding : undefined
        }),
      )
      const findings = [...ofPlatform, ...ofLedger].filter((one) => one !== undefined)
      return allOr(
        findings,
        `${counted(mine.length, 'volume')} attached here, each as it should be`,
      )
    },
  }
}

interface Attached {
  readonly volume: Volume
  readonly attachment: VolumeAttachment
  readonly record: LedgerRecord | undefined
}

/** An attachment that is stuck on its way to this machine or away from it; a release that has just begun is not. */
export function stuckFinding(
  { volume, attachment, record }: Attached,
  now: Date,
): Finding | undefined {
  const it = meaning(volume)
  const lasts = since(attachment.since, now)
  const ageMs = now.getTime() - attachment.since.getTime()
  if (attachment.state === 'attaching' && ageMs > STUCK_MS)
    return about(
      volume,
      `is stuck attaching ${lasts}`,
      `remora volume detach ${it}\nremora volume attach ${it}`,
    )
  const released = record?.releasing?.since
  const isYoung = released !== undefined && now.getTime() - Date.parse(released) < STUCK_MS
  if (attachment.state === 'detaching' && !isYoung)
    return about(
      volume,
      `is busy: its detach has begun and does not end, attached ${lasts}`,
      `end what holds it: fuser -vm ${attachment.deviceName ?? 'its device'}\nremora volume detach ${it}`,
    )
  return undefined
}

async function attachedFinding(
  look: ServiceLook,
  { volume, attachment, record }: Attached,
): Promise<Finding | undefined> {
  const now = look.parts.now()
  const it = meaning(volume)
  const lasts = since(attachment.since, now)
  const ageMs = now.getTime() - attachment.since.getTime()
  const stuck = stuckFinding({ volume, attachment, record }, now)
  if (stuck !== undefined) return stuck
  if (attachment.state !== 'attached') return undefined
  const device = await look.device(attachment)
  if (device === undefined)
    return about(
      volume,
      `is attached ${lasts}, and this machine has no device of it`,
      `dmesg | tail\nremora volume detach ${it}`,
    )
  const isUsed = record !== undefined && (record.mount ?? record.tool) !== undefined
  if (isUsed || ageMs < IDLE_MS || (await isMounted(look, device))) return undefined
  const whose = record === undefined ? ', by hand,' : ''
  return about(
    volume,
    `is attached here${whose} ${lasts} as ${device} and not mounted`,
    `remora volume detach ${it}`,
    'warn',
  )
}

async function isMounted(look: ServiceLook, device: string): Promise<boolean> {
  return (await look.mounts()).some(({ source }) => source === device)
}

/** What the ledger says is attached here, and the platform does not. */
function recordedFinding(
  { parts }: ServiceLook,
  { volume, attachment, lost, references }: LedgerRecord,
  { volumes, here }: PlatformLook,
): Finding | undefined {
  const now = parts.now()
  if (lost !== undefined) {
    const users =
      references.length === 0 ? '' : `, and ${holdersText(references)} still has it open`
    return about(
      volume,
      `was lost by this machine ${since(lost.at, now)}${lost.to === undefined ? '' : ` to ${lost.to}`}${users}`,
      `stop what used it here\nto take it back: remora volume attach --force ${meaning(volume)}`,
      'warn',
    )
  }
  if (attachment?.since === undefined || attachment.instanceId !== here.id) return undefined
  const found = volumes.find(({ id }) => id === volume.id)
  if (found?.attachments.some(({ instanceId }) => instanceId === here.id) === true) return undefined
  const elsewhere = found?.attachments.map(({ instanceId }) => instanceId).join(', ')
  const where =
    found === undefined
      ? 'there is none any more'
      : `it is attached ${elsewhere ? `to ${elsewhere}` : 'nowhere'}`
  return about(
    volume,
    `is recorded as attached here ${since(attachment.since, now)}, and the platform says that ${where}`,
    `stop what uses it here\nremora restart`,
  )
}
