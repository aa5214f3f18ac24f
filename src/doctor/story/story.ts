import type { Check, Finding } from '../../libstorage/check.ts'
import { volumeNamed } from '../../libstorage/errors.ts'
import { nearest } from '../../libstorage/nearest.ts'
import { shellWord } from '../../libstorage/shell.ts'
import type { Volume, VolumeAttachment } from '../../libstorage/types.ts'
import type { LedgerRecord } from '../../mount/ledger-record.ts'
import { holderNamed } from '../../mount/references.ts'
import { repairOf } from '../volumes/repair.ts'
import type { PlatformLook, ServiceLook } from '../volumes/service-look.ts'
import { stuckFinding } from '../volumes/stuck.ts'
import { about, counted, meaning, since } from '../volumes/wording.ts'
import { eventsCheck } from './events.ts'
import { recordMeant, volumeMeant } from './find.ts'
import { mountCheck } from './mount.ts'

/** The whole story of one volume, by its name or id. */
export function storyOf(name: string, look: ServiceLook): readonly Check[] {
  return [
    placeCheck(name, look),
    holdersCheck(name, look),
    mountCheck(name, look),
    eventsCheck(name, look),
  ]
}

/** What it is and where. */
function placeCheck(name: string, look: ServiceLook): Check {
  return {
    id: 'volume.place',
    title: `where volume ${JSON.stringify(name)} is`,
    after: ['service.driver'],
    run: async () => {
      const platform = await look.platform()
      const volume = volumeMeant(name, platform)
      if (volume === undefined) return [notFound(name, platform)]
      const now = look.parts.now()
      if (volume.state === 'error') {
        const clause = volume.problem ?? 'is in the state error'
        return [about(volume, clause, 'mend that on the platform, or remove the volume')]
      }
      const mine = volume.attachments.find(({ instanceId }) => instanceId === platform.here.id)
      const record = await recordMeant(name, look)
      const stuck = mine && (await stuckFinding(look, { volume, attachment: mine, record }))
      return [
        { verdict: 'pass', seen: whatItIs(volume) },
        stuck ?? { verdict: 'pass', seen: whereItIs(volume, platform, now) },
      ]
    },
  }
}

function notFound(name: string, { volumes }: PlatformLook): Finding {
  const near = nearest(
    name,
    volumes.map((volume) => volume.name),
  )
  const hint = near === undefined ? '' : `; the nearest name is ${JSON.stringify(near)}`
  return {
    verdict: 'fail',
    seen: `${volumeNamed(name)} not found among ${counted(volumes.length, 'volume')}${hint}`,
    remedy: 'remora volume ls',
  }
}

function whatItIs(volume: Volume): string {
  const { id, sizeGiB, type, zone, madeFrom, managed, managedBy, createdAt, state } = volume
  const facts = [
    `${volumeNamed(volume.name)} is ${id}`,
    `${sizeGiB} GiB`,
    type,
    zone,
    state,
    madeFrom && `made from a ${madeFrom}`,
    createdAt && `made at ${createdAt.toISOString()}`,
    managedBy === undefined ? undefined : `managed by ${managedBy}`,
    managed ? undefined : 'not made by this program',
  ]
  return facts.filter((fact) => fact !== undefined).join(', ')
}

function whereItIs({ attachments }: Volume, { here }: PlatformLook, now: Date): string {
  const named = ({ instanceId, state, since: began, deviceName }: VolumeAttachment) => {
    const who = instanceId === here.id ? 'this machine' : instanceId
    const device = deviceName === undefined ? '' : ` as ${deviceName}`
    return `${state} ${state === 'detaching' ? 'from' : 'to'} ${who}${device} ${since(began, now)}`
  }
  return attachments.length === 0
    ? 'it is attached nowhere'
    : `it is ${attachments.map(named).join(', ')}`
}

/** Who holds it here, since when, and what is mounted. */
function holdersCheck(name: string, look: ServiceLook): Check {
  return {
    id: 'volume.holders',
    title: `who holds volume ${JSON.stringify(name)} here`,
    after: ['volumes.ledger'],
    run: async () => {
      const record = await recordMeant(name, look)
      if (record === undefined)
        return [{ verdict: 'pass', seen: 'nobody holds it here: no record of it' }]
      const now = look.parts.now()
      const holders = record.references.map(
        ({ id, count, since: began }): Finding => ({
          verdict: 'pass',
          seen: `${holderNamed(id)} holds it ${since(began, now)}${count > 1 ? `, ${count} times` : ''}`,
        }),
      )
      const nobody: Finding = { verdict: 'pass', seen: 'nobody holds it here' }
      return [await mountFinding(look, record), ...(holders.length === 0 ? [nobody] : holders)]
    },
  }
}

async function mountFinding(look: ServiceLook, record: LedgerRecord): Promise<Finding> {
  const { mount, volume, references } = record
  const now = look.parts.now()
  if (look.parts.storage === 'directory' && mount !== undefined)
    return { verdict: 'pass', seen: `it is at ${mount.mountPoint} ${since(mount.since, now)}` }
  const seen = await look.mountOf(record)
  const { state } = seen
  if (state === 'mounted')
    return {
      verdict: 'pass',
      seen: `it is mounted at ${mount?.mountPoint} from ${mount?.device} ${since(mount?.since ?? now, now)}`,
    }
  if (seen.state === 'failed')
    return about(
      volume,
      `has turned itself read-only after an error (${mount?.device})`,
      repairOf(seen.entry.fsType, volume),
    )
  if (state === 'dead')
    return about(
      volume,
      `has lost its device ${mount?.device}`,
      `stop what uses it: fuser -vm ${shellWord(mount?.mountPoint ?? '')}`,
    )
  if (references.length > 0) return about(volume, 'is used and is not mounted', 'remora restart')
  const lost =
    record.lost === undefined
      ? ''
      : `; this machine lost it ${since(record.lost.at, now)}${record.lost.to === undefined ? '' : ` to ${record.lost.to}`}, to take it back: remora volume attach --force ${meaning(volume)}`
  return { verdict: 'pass', seen: `it is not mounted here${lost}` }
}
