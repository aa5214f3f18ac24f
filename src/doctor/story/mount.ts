import type { Check, Finding } from '../../libstorage/check.ts'
import type { Volume } from '../../libstorage/types.ts'
import { identifyContent } from '../../mount/linux/device.ts'
import { type Holder, heldElsewhere, lookAtHolder } from '../../mount/take-over/holder.ts'
import { foresee, type Prospect } from '../../mount/take-over/prospect.ts'
import { inTime } from '../volumes/in-time.ts'
import type { PlatformLook, ServiceLook } from '../volumes/service-look.ts'
import { meaning } from '../volumes/wording.ts'
import { recordMeant, volumeMeant } from './find.ts'

/** What would come of a Mount here now, and why. Makes no changing call. */
export function mountCheck(name: string, look: ServiceLook): Check {
  return {
    id: 'volume.mount',
    title: `what a mount of ${JSON.stringify(name)} here would come to`,
    after: ['volume.place', 'volumes.ledger'],
    run: async () => {
      const platform = await look.platform()
      const volume = volumeMeant(name, platform)
      if (volume === undefined) return []
      if (isElsewhere(volume, platform)) return [elsewhereFinding(volume, platform)]
      const record = await recordMeant(name, look)
      if (record !== undefined && (await look.mountOf(record)).state === 'mounted')
        return [pass('a mount here would succeed: it is mounted, and gets one more holder')]
      const { preempt } = look.parts.settings.mount
      const prospect = foresee({
        volume,
        here: platform.here.id,
        holder: await holderOf(volume, platform),
        lost: record?.lost,
        demand: { preempt, forced: false },
        canStop: platform.provider.driver.instances !== undefined,
        now: look.parts.now().getTime(),
      })
      return [
        prospectFinding(prospect, volume, preempt),
        ...(await contentFindings(look, volume, platform)),
      ]
    },
  }
}

function isElsewhere({ zone }: Volume, { here }: PlatformLook): boolean {
  return zone !== undefined && here.zone !== undefined && zone !== here.zone
}

function elsewhereFinding(volume: Volume, { here }: PlatformLook): Finding {
  const { zone } = volume
  return {
    verdict: 'fail',
    seen: `a mount here would not find it: it lies in ${zone}, and this machine in ${here.zone}`,
    remedy: `run what uses it in ${zone}, or bring a copy here by a snapshot: remora snapshot create ${meaning(volume)}`,
  }
}

async function holderOf(
  volume: Volume,
  { provider, here }: PlatformLook,
): Promise<Holder | undefined> {
  const [attachment] = heldElsewhere(volume, here.id)
  return attachment && (await inTime(lookAtHolder(provider.driver, attachment)))
}

function prospectFinding(
  { kind, because, steps }: Prospect,
  volume: Volume,
  preempt: boolean | string,
): Finding {
  if (kind !== 'refuse') return pass(`a mount here would go on: ${because} (preempt ${preempt})`)
  return {
    verdict: 'fail',
    seen: `a mount here would be refused (preempt ${preempt}): ${because}`,
    remedy:
      steps.length === 0
        ? 'mend that first: --force does not help'
        : `stop what uses it there and detach it there\nor take it, and lose what is not written yet: remora volume mount --force ${meaning(volume)}`,
  }
}

/** What lies on the device, where it is attached here already; else that is looked at once it is. */
async function contentFindings(
  look: ServiceLook,
  volume: Volume,
  { here }: PlatformLook,
): Promise<readonly Finding[]> {
  if (look.parts.storage === 'directory') return []
  const mine = volume.attachments.find(({ instanceId }) => instanceId === here.id)
  const device = mine && (await look.device(mine))
  if (device === undefined)
    return volume.madeFrom === undefined
      ? [
          pass(
            'what lies on it is looked at when it is attached; it is formatted only if it is blank',
          ),
        ]
      : [pass(`it was made from a ${volume.madeFrom}, and is never formatted`)]
  const content = await inTime(identifyContent(device, look.parts.run))
  if (content.kind === 'file-system')
    return [pass(`${device} holds ${content.fsType}, which is checked and mounted`)]
  if (content.kind === 'foreign')
    return [
      {
        verdict: 'fail',
        seen: `${device} holds ${content.what}, which is not mounted and never formatted over`,
        remedy: `use what is on it, or, if nobody needs that: mkfs.${look.parts.settings.create.default.fsType} ${device}`,
      },
    ]
  const isCopy = volume.madeFrom !== undefined
  return [
    isCopy
      ? {
          verdict: 'fail',
          seen: `${device} was made from a ${volume.madeFrom} and holds no file system, and is never formatted`,
          remedy: `if nobody needs what is on it: mkfs.${look.parts.settings.create.default.fsType} ${device}`,
        }
      : pass(
          `${device} shows no file system: it is formatted if it is blank, and refused otherwise`,
        ),
  ]
}

function pass(seen: string): Finding {
  return { verdict: 'pass', seen }
}
