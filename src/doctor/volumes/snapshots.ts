import type { Check, Finding } from '../../libstorage/check.ts'
import { isStorageError, NotFoundError } from '../../libstorage/errors.ts'
import { skip } from '../../libstorage/findings.ts'
import type { StorageDriver } from '../../libstorage/storage-driver.ts'
import type { Snapshot, VolumeId } from '../../libstorage/types.ts'
import { timeLimit } from '../../libstorage/wait.ts'
import type { PlatformLook, ServiceLook } from './service-look.ts'
import { allOr, counted, inShell, lasting } from './wording.ts'

const ASK_MS = 4_000

/** Snapshots of ours whose volume is gone, and those that failed; what others take, such as backups, they look after. */
export function snapshotsCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.snapshots',
    title: 'snapshots',
    after: ['volumes.platform'],
    run: async () => {
      const platform = await look.platform()
      const { snapshots } = platform.provider.driver
      if (snapshots === undefined) return [{ verdict: 'pass', seen: 'this platform has none' }]
      const all = await snapshots.list({}, { signal: timeLimit(ASK_MS) })
      const ours = all.filter(({ foreign }) => foreign !== true)
      const fates = await fatesOf(ours, platform)
      const findings = ours.flatMap((one) => finding(one, fates, look.parts.now()) ?? [])
      return allOr(
        [...findings, ...unknown(fates)],
        `${counted(ours.length, 'snapshot')} of ours, each with its volume`,
      )
    },
  }
}

/** What has become of volumes that are not among those of the service; where that is not known, why. */
type Fates = ReadonlyMap<VolumeId, 'there' | 'gone' | { readonly why: string }>

/** A volume may be there and be none of the service's: without a name, an instance's root disk, in another zone. */
async function fatesOf(
  snapshots: readonly Snapshot[],
  { provider, volumes }: PlatformLook,
): Promise<Fates> {
  const known = new Set(volumes.map(({ id }) => id))
  // A copy is kept for its own sake, and the volume of one from another region is there.
  const taken = snapshots.filter(({ copyOf }) => copyOf === undefined)
  const ids = new Set(taken.map(({ volumeId }) => volumeId))
  const missing = [...ids].filter((id) => id !== '' && !known.has(id))
  const { driver } = provider
  const asked = missing.map(async (id) => [id, await fateOf(driver, id)] as const)
  return new Map(await Promise.all(asked))
}

async function fateOf(driver: StorageDriver, id: VolumeId) {
  try {
    await driver.volume(id, { signal: timeLimit(ASK_MS) })
    return 'there'
  } catch (error) {
    if (error instanceof NotFoundError) return 'gone'
    if (!isStorageError(error)) throw error
    return { why: error.message }
  }
}

function unknown(fates: Fates): Finding[] {
  const whys = [...fates.values()].flatMap((fate) => (typeof fate === 'string' ? [] : [fate.why]))
  const [first] = whys
  if (first === undefined) return []
  return [
    skip(`whether ${counted(whys.length, 'volume')} of snapshots is gone is not known: ${first}`),
  ]
}

function finding(
  { id, name, volumeId, state, createdAt, sizeGiB, copyOf }: Snapshot,
  fates: Fates,
  now: Date,
): Finding | undefined {
  const named = `snapshot ${JSON.stringify(name)} (${id}, ${sizeGiB} GiB)`
  const remedy = `if nobody needs it: remora snapshot rm ${inShell(id)}`
  if (state === 'error') return { verdict: 'warn', seen: `${named} has failed`, remedy }
  if (copyOf !== undefined || fates.get(volumeId) !== 'gone') return undefined
  const age = lasting(now.getTime() - createdAt.getTime())
  return {
    verdict: 'warn',
    seen: `${named} is orphaned: its volume ${volumeId} is gone; it is ${age} old`,
    remedy,
  }
}
