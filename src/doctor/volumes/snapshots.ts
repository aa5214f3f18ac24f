import type { Check, Finding } from '../../libstorage/check.ts'
import type { Snapshot } from '../../libstorage/types.ts'
import { timeLimit } from '../../libstorage/wait.ts'
import type { ServiceLook } from './service-look.ts'
import { allOr, counted, inShell, lasting } from './wording.ts'

const ASK_MS = 4_000

/** Snapshots whose volume is gone, and those that failed. */
export function snapshotsCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.snapshots',
    title: 'snapshots',
    after: ['volumes.platform'],
    run: async () => {
      const { provider, volumes } = await look.platform()
      const { snapshots } = provider.driver
      if (snapshots === undefined) return [{ verdict: 'pass', seen: 'this platform has none' }]
      const all = await snapshots.list({}, { signal: timeLimit(ASK_MS) })
      const ids = new Set(volumes.map(({ id }) => id))
      const findings = all.flatMap((snapshot) => finding(snapshot, ids, look.parts.now()) ?? [])
      return allOr(findings, `${counted(all.length, 'snapshot')}, each with its volume`)
    },
  }
}

function finding(
  { id, name, volumeId, state, createdAt, sizeGiB }: Snapshot,
  volumes: ReadonlySet<string>,
  now: Date,
): Finding | undefined {
  const named = `snapshot ${JSON.stringify(name)} (${id}, ${sizeGiB} GiB)`
  const remedy = `if nobody needs it: remora snapshot rm ${inShell(id)}`
  if (state === 'error') return { verdict: 'warn', seen: `${named} has failed`, remedy }
  if (volumes.has(volumeId)) return undefined
  const age = lasting(now.getTime() - createdAt.getTime())
  return {
    verdict: 'warn',
    seen: `${named} is orphaned: its volume ${volumeId} is gone; it is ${age} old`,
    remedy,
  }
}
