import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder, writeNew } from '../../libstorage/durable-file.ts'
import { InvalidArgumentError, volumeNamed } from '../../libstorage/errors.ts'
import { leftoverName } from '../../libstorage/leftover.ts'
import type { VolumeChange } from '../../libstorage/types.ts'
import type { Content } from './content.ts'
import type { Pool } from './pool.ts'
import { readSmall } from './read-small.ts'
import { RECORD_FILE, recordedGiB, recordOf, type StoredVolume } from './stored-volume.ts'

/** Throws `InvalidArgumentError` for a change that a pool cannot make; else answers the size that is asked for. */
export function requireGrowth(
  driver: string,
  { name, sizeGiB: present }: StoredVolume,
  { sizeGiB = present, type, iops }: VolumeChange,
): number {
  for (const [option, value] of Object.entries({ type, iops }))
    if (value !== undefined)
      throw new InvalidArgumentError({
        subject: `option ${option}`,
        problem: `is nothing that the ${driver} driver knows`,
        remedy: 'leave it out',
      })
  if (!Number.isSafeInteger(sizeGiB) || sizeGiB < present)
    throw new InvalidArgumentError({
      subject: volumeNamed(name),
      problem: `has ${present} GiB and cannot be given ${sizeGiB}: a volume never shrinks`,
      remedy: `ask for a whole number of GiB above ${present}, or make a smaller volume and copy what is in it`,
    })
  return sizeGiB
}

/**
 * Makes a volume larger: first its content, then its record. A crash in between leaves content that is larger than the
 * record says; the content is believed, so that the volume has grown, and what it holds is whole at any point. The new
 * record is written aside before, so that a full pool refuses before anything is changed.
 */
export async function growVolume(
  pool: Pool,
  content: Content,
  volume: StoredVolume,
  sizeGiB: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const written = join(volume.folder, leftoverName('growing'))
  const record = JSON.stringify({ ...recordOf(volume), sizeGiB }, undefined, 2)
  try {
    await pool.turn(() => writeNew(written, record), signal)
    await content.grow(join(volume.folder, pool.content), sizeGiB, signal)
    await pool.turn(async () => {
      const present = join(volume.folder, RECORD_FILE)
      // Of several who grow it at once the largest is believed.
      if (recordedGiB(await readSmall(present)) >= sizeGiB) await rm(written)
      else await rename(written, present)
      await syncFolder(volume.folder)
    })
  } catch (error) {
    await pool.turn(() => rm(written, { force: true }))
    throw error
  }
}
