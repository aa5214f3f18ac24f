import type { Check, Finding } from '../../libstorage/check.ts'
import { pass } from '../../libstorage/findings.ts'
import type { Volume } from '../../libstorage/types.ts'
import type { LedgerRecord } from '../../mount/ledger-record.ts'
import type { PlatformLook, ServiceLook } from './service-look.ts'
import { type Attached, STUCK_MS, stuckFinding } from './stuck.ts'
import { isInUse } from './use.ts'
import { about, allOr, counted, holdersText, meaning, since, told } from './wording.ts'

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
        // What others manage is theirs, unless it is used by this service all the same.
        if (volume.managedBy !== undefined && !known.has(volume.id)) return []
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

async function attachedFinding(look: ServiceLook, one: Attached): Promise<Finding | undefined> {
  const { volume, attachment, record } = one
  const now = look.parts.now()
  const lasts = since(attachment.since, now)
  const ageMs = now.getTime() - attachment.since.getTime()
  const stuck = await stuckFinding(look, one)
  if (stuck !== undefined) return stuck
  if (attachment.state === 'detaching')
    return pass(told(volume, `is being detached, attached ${lasts}`))
  if (attachment.state !== 'attached') return undefined
  const device = await look.device(attachment)
  if (device === undefined) return ageMs < STUCK_MS ? undefined : withoutDevice(volume, lasts)
  const isUsed = record !== undefined && (record.mount ?? record.tool) !== undefined
  if (isUsed || ageMs < IDLE_MS || (await isInUse(look, volume, device))) return undefined
  const whose = record === undefined ? ', by hand,' : ''
  return about(
    volume,
    `is attached here${whose} ${lasts}, as ${device}, and not mounted`,
    `remora volume detach ${meaning(volume)}`,
    'warn',
  )
}

function withoutDevice(volume: Volume, lasts: string): Finding {
  return about(
    volume,
    `is attached ${lasts}, and this machine has no device of it`,
    `dmesg | tail\nremora volume detach ${meaning(volume)}`,
  )
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
