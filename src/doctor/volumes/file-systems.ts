import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Check, Finding } from '../../libstorage/check.ts'
import { isStorageError } from '../../libstorage/errors.ts'
import type { LedgerRecord } from '../../mount/ledger-record.ts'
import { fileSystemUsage } from '../../mount/linux/usage.ts'
import { inTime } from './in-time.ts'
import { repairOf } from './repair.ts'
import type { ServiceLook } from './service-look.ts'
import { about, allOr, counted, meaning } from './wording.ts'

const GIB = 1_073_741_824
const NEARLY_FULL = 0.9
const FULL = 0.98

/** Mounted file systems that are nearly full, have errors, or do not answer. */
export function fileSystemsCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.file-systems',
    title: 'file systems of volumes',
    after: ['volumes.ledger'],
    run: async () => {
      const { records } = await look.ledger()
      const mounted = look.parts.storage === 'block' ? records : []
      const findings = await Promise.all(mounted.map((record) => findingsAbout(look, record)))
      return allOr(findings.flat(), 'all that are mounted have room and no errors')
    },
  }
}

async function findingsAbout(look: ServiceLook, record: LedgerRecord): Promise<readonly Finding[]> {
  const seen = await look.mountOf(record)
  if (seen.state !== 'mounted' && seen.state !== 'failed') return []
  const { volume } = record
  const { source, fsType, mountPoint } = seen.entry
  const repair = repairOf(fsType, volume)
  if (seen.state === 'failed')
    return [about(volume, `has turned itself read-only after an error (${source})`, repair)]
  const errors = await noted(source)
  if (errors > 0)
    return [about(volume, `has noted ${counted(errors, 'error')} of its file system`, repair)]
  return await roomFindings(look, record, mountPoint)
}

async function roomFindings(
  { parts: { run, server } }: ServiceLook,
  { volume }: LedgerRecord,
  mountPoint: string,
): Promise<readonly Finding[]> {
  const pid = await server()
  // In another namespace the volume is found through the root of a process that lives there.
  const reached = pid === undefined ? mountPoint : path.join(`/proc/${pid}/root`, mountPoint)
  try {
    const { usedBytes, freeBytes } = await inTime(fileSystemUsage(reached, run))
    const share = usedBytes / Math.max(1, usedBytes + freeBytes)
    if (share < NEARLY_FULL) return []
    const larger = Math.max(volume.sizeGiB + 1, Math.ceil(volume.sizeGiB * 1.5))
    return [
      about(
        volume,
        `is ${Math.floor(share * 100)} % full: ${(freeBytes / GIB).toFixed(1)} GiB are free`,
        `remora volume resize ${meaning(volume)} --size ${larger}`,
        share < FULL ? 'warn' : 'fail',
      ),
    ]
  } catch (error) {
    if (!isStorageError(error)) throw error
    return [
      about(
        volume,
        `does not answer: ${error.message}`,
        'dmesg | tail\nsee whether its disk hangs',
      ),
    ]
  }
}

/** How many errors ext4 has noted since the last check; Documentation/ABI/testing/sysfs-fs-ext4. */
async function noted(device: string): Promise<number> {
  const file = `/sys/fs/ext4/${path.basename(device)}/errors_count`
  return Number(await readFile(file, 'utf8').catch(() => '0'))
}
