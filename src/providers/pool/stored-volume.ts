import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { systemCode } from '../../libstorage/errors.ts'
import type { VolumeId } from '../../libstorage/types.ts'
import { CLAIM_FILE, type Claim, DamagedClaim, readClaim } from './claim.ts'
import { folderName, nameOfFolder } from './folder-name.ts'
import { readSmall } from './read-small.ts'

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
})

/** What is written down of a volume when it is made; it never changes. */
export interface VolumeRecord {
  readonly id: VolumeId
  readonly name: string
  readonly sizeGiB: number
  readonly labels: Readonly<Record<string, string>>
  /** ISO 8601. */
  readonly createdAt: string
}

/** A volume as it lies in the pool. */
export interface StoredVolume extends Omit<VolumeRecord, 'createdAt'> {
  /** The absolute path of its folder. */
  readonly folder: string
  readonly createdAt?: string
  readonly claim?: Claim
  /** Set where a claim is there that cannot be read: who has the volume is not known. */
  readonly damagedClaim?: string
  /** What is wrong with it, as a clause. */
  readonly problem?: string
}

/**
 * The volume in a folder, or undefined when the folder is gone or holds none. What is damaged has a `problem`.
 * `known` is the folder's name where it was moved out of sight.
 */
export async function readStored(
  folder: string,
  content: string,
  known: string = basename(folder),
): Promise<StoredVolume | undefined> {
  const entries = await entriesOf(folder)
  if (!entries?.includes(RECORD_FILE)) return undefined
  const record = await readRecord(folder, known)
  if (record === undefined) return undefined
  const claim = entries.includes(CLAIM_FILE) ? await claimed(folder) : {}
  if ('problem' in record) return { folder, ...damaged(known), ...record, ...claim }
  const size = entries.includes(content)
    ? await sizeOf(join(folder, content), record)
    : lostContent(join(folder, content))
  return { folder, ...record, ...size, ...claim }
}

async function entriesOf(folder: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}

async function readRecord(
  folder: string,
  known: string,
): Promise<VolumeRecord | { readonly problem: string } | undefined> {
  const path = join(folder, RECORD_FILE)
  try {
    const record = schema.parse(JSON.parse(await readSmall(path)))
    if (folderName(record.name) === known) return record
    return { problem: `has the ${path} of another volume, ${JSON.stringify(record.name)}` }
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    if (code !== undefined) throw error
    return { problem: `has a damaged ${path}` }
  }
}

/** The file's size is the truth, as it may have been grown; one that is too short has lost its end. */
async function sizeOf(
  path: string,
  { sizeGiB }: VolumeRecord,
): Promise<{ readonly sizeGiB?: number; readonly problem?: string }> {
  try {
    const content = await stat(path)
    if (content.isDirectory()) return {}
    if (content.size >= sizeGiB * GIB) return { sizeGiB: Math.floor(content.size / GIB) }
    return { problem: `has only ${content.size} bytes left of ${sizeGiB} GiB in ${path}` }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return lostContent(path)
    throw error
  }
}

function lostContent(path: string): { readonly problem: string } {
  return { problem: `has lost its file ${path}` }
}

async function claimed(
  folder: string,
): Promise<Pick<StoredVolume, 'claim' | 'damagedClaim' | 'problem'>> {
  try {
    const claim = await readClaim(folder)
    return claim === undefined ? {} : { claim }
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
