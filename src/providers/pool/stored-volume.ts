import { createHash, randomBytes } from 'node:crypto'
import { basename, join } from 'node:path'
import * as z from 'zod'
import type { VolumeId, VolumeSpec } from '../../libstorage/types.ts'
import { type Claim, DamagedClaim, parseClaim } from './claim.ts'
import { folderName, nameOfFolder } from './folder-name.ts'
import type { Names, Sight } from './look.ts'

/** The file in a volume's folder that makes it one. */
export const RECORD_FILE = 'volume.json'
/** 2^30 bytes. */
export const GIB = 2 ** 30

const schema = z.object({
  id: z.string(),
  name: z.string(),
  sizeGiB: z.number().int().positive(),
  labels: z.record(z.string(), z.string()),
  createdAt: z.iso.datetime(),
  madeFrom: z.enum(['snapshot', 'volume']).optional(),
})

/** What is written down of a volume when it is made; of all that only the size changes. */
export interface VolumeRecord {
  readonly id: VolumeId
  readonly name: string
  readonly sizeGiB: number
  readonly labels: Readonly<Record<string, string>>
  /** ISO 8601. */
  readonly createdAt: string
  /** Absent where its first bytes came from nowhere. */
  readonly madeFrom?: 'snapshot' | 'volume' | undefined
}

/** A volume as it lies in the pool. */
export interface StoredVolume extends Omit<VolumeRecord, 'createdAt'> {
  /** The absolute path of its folder. */
  readonly folder: string
  readonly createdAt?: string
  readonly claim?: Claim
  /** Whether the claim is of a kernel other than this one, which may run and reach the pool. */
  readonly isElsewhere?: boolean
  /** Set where a claim is there that cannot be read: who has the volume is not known. */
  readonly damagedClaim?: string
  /** Set where something in its folder cannot be read, which may be a claim. */
  readonly isUnreadable?: boolean
  /** What is wrong with it, as a clause. */
  readonly problem?: string
  /** The size that its record says, where the content is larger. */
  readonly recordedGiB?: number
  /** What lies in its folder only while it is changed, by name. */
  readonly hidden?: readonly string[] | undefined
}

/** The size that a record's text says. Throws where it is damaged. */
export function recordedGiB(text: string): number {
  return schema.parse(JSON.parse(text)).sizeGiB
}

/** What is to be written down of a volume that is made. */
export function newRecord({ name, sizeGiB, labels, source }: VolumeSpec): VolumeRecord {
  const id = `vol-${randomBytes(9).toString('hex').slice(0, 17)}`
  const createdAt = new Date().toISOString()
  return { id, name, sizeGiB, labels, createdAt, ...(source && { madeFrom: source.kind }) }
}

/** What is to be written down of a volume that is there. */
export function recordOf({ id, name, sizeGiB, labels, ...rest }: StoredVolume): VolumeRecord {
  const { createdAt = new Date(0).toISOString(), madeFrom } = rest
  return { id, name, sizeGiB, labels, createdAt, madeFrom }
}

/** All that can be said of a volume by its id and its folder alone. */
export function nameOnly(id: VolumeId, folder: string): Omit<VolumeRecord, 'createdAt'> {
  return { id, name: nameOfFolder(basename(folder)), sizeGiB: 1, labels: {} }
}

/**
 * The volume that was seen in a folder. What is damaged has a `problem`. `known` is the folder's name where it was moved
 * out of sight.
 */
export function storedVolume(
  { folder, record: text, claim, content, unreadable, hidden }: Sight,
  names: Names,
  known: string = basename(folder),
): StoredVolume {
  if (unreadable !== undefined) {
    const problem = `cannot be read in ${folder} (${unreadable})`
    return { folder, ...damaged(known), problem, isUnreadable: true }
  }
  const record = parseRecord(join(folder, names.record), text, known)
  const claimed = claim === undefined ? {} : claimOf(folder, claim)
  if ('problem' in record) return { folder, hidden, ...damaged(known), ...record, ...claimed }
  const size = sizeOf(join(folder, names.content), content, record)
  return { folder, hidden, ...record, ...size, ...claimed }
}

function parseRecord(
  path: string,
  text: string,
  known: string,
): VolumeRecord | { readonly problem: string } {
  try {
    const record = schema.parse(JSON.parse(text))
    if (folderName(record.name) === known) return record
    return { problem: `has the ${path} of another volume, ${JSON.stringify(record.name)}` }
  } catch {
    return { problem: `has a damaged ${path}` }
  }
}

/** The file's size is the truth, as it may have been grown; one that is too short has lost its end. */
function sizeOf(
  path: string,
  content: Sight['content'],
  { sizeGiB }: VolumeRecord,
): Partial<Pick<StoredVolume, 'sizeGiB' | 'recordedGiB' | 'problem'>> {
  if (content === undefined) return { problem: `has lost its file ${path}` }
  const { bytes } = content
  if (bytes === undefined) return {}
  if (bytes >= (sizeGiB + 1) * GIB)
    return { sizeGiB: Math.floor(bytes / GIB), recordedGiB: sizeGiB }
  if (bytes >= sizeGiB * GIB) return {}
  return { problem: `has only ${bytes} bytes left of ${sizeGiB} GiB in ${path}` }
}

function claimOf(
  folder: string,
  text: string,
): Pick<StoredVolume, 'claim' | 'damagedClaim' | 'problem'> {
  try {
    return { claim: parseClaim(folder, text) }
  } catch (error) {
    if (!(error instanceof DamagedClaim)) throw error
    return { damagedClaim: error.path, problem: `has a damaged ${error.path}` }
  }
}

/** What can be said of a volume whose record cannot be read; its id is its folder's, so that it can be removed. */
function damaged(folder: string): Omit<VolumeRecord, 'createdAt'> {
  const hash = createHash('sha256').update(folder).digest('hex')
  return { id: `vol-${hash.slice(0, 17)}`, name: nameOfFolder(folder), sizeGiB: 1, labels: {} }
}
