import { randomBytes } from 'node:crypto'
import { link, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { syncFolder, writeNew } from '../../libstorage/durable-file.ts'
import { systemCode } from '../../libstorage/errors.ts'
import { leftoverName } from '../../libstorage/leftover.ts'
import { type ProcessIdentity, readBootId } from '../../libstorage/process-identity.ts'
import type {
  AttachmentState,
  InstanceId,
  VolumeAttachment,
  VolumeId,
} from '../../libstorage/types.ts'
import { readSmall } from './read-small.ts'

/** The file in a volume's folder that says who has the volume. */
export const CLAIM_FILE = 'attachment.json'

const schema = z.object({
  token: z.string(),
  instance: z.string(),
  since: z.iso.datetime(),
  bootId: z.string(),
  machineId: z.string().optional(),
  device: z
    .object({ path: z.string(), diskseq: z.string().optional(), backingFile: z.string() })
    .optional(),
})

/** The block device of a claim, with what tells it from a later one of the same name. */
export interface ClaimedDevice {
  /** `/dev/loop3`. */
  readonly path: string
  /** The kernel's serial number of this use of the device, absent before Linux 5.15. */
  readonly diskseq?: string | undefined
  /** The file behind it, as the kernel names it. */
  readonly backingFile: string
}

/** One attachment as it stands in the pool. It is never changed: only taken, once, and ended. */
export interface Claim {
  /** Tells this claim from every other. */
  readonly token: string
  readonly instance: InstanceId
  /** ISO 8601. */
  readonly since: string
  /** The boot of the kernel that the instance runs on. */
  readonly bootId: string
  /** The instance's machine-id(5), where it has one. */
  readonly machineId?: string | undefined
  readonly device?: ClaimedDevice | undefined
}

/** A claim that begins now, of this boot of this kernel. */
export function newClaim({
  instance,
  machineId,
  device,
}: Pick<Claim, 'instance' | 'machineId' | 'device'>): Claim {
  return {
    token: randomBytes(8).toString('hex'),
    instance,
    since: new Date().toISOString(),
    bootId: readBootId(),
    ...(machineId !== undefined && { machineId }),
    ...(device && { device }),
  }
}

/** Whether the claim is this very attachment, and of this boot of this kernel. */
export function isClaimOf(
  claim: Claim | undefined,
  { instanceId, since }: VolumeAttachment,
): claim is Claim {
  if (claim === undefined || claim.bootId !== readBootId()) return false
  return claim.instance === instanceId && Date.parse(claim.since) === since.getTime()
}

/** A claim that cannot be read: whoever has the volume is not known. */
export class DamagedClaim extends Error {
  readonly path: string

  constructor(path: string, cause: unknown) {
    super(`${path} cannot be read`, { cause })
    this.path = path
  }
}

/** The claim on the volume in this folder, or undefined when nobody has it. Throws `DamagedClaim`. */
export async function readClaim(folder: string): Promise<Claim | undefined> {
  try {
    return parseClaim(folder, await readSmall(join(folder, CLAIM_FILE)))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The claim on the volume in this folder, from its text. Throws `DamagedClaim`. */
export function parseClaim(folder: string, text: string): Claim {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new DamagedClaim(join(folder, CLAIM_FILE), cause)
  }
}

/** Takes the volume in this folder; false when somebody has it. link(2) lets one of all who try at once win. */
export async function takeClaim(
  folder: string,
  claim: Claim,
  owner: ProcessIdentity,
): Promise<boolean> {
  const written = join(folder, leftoverName('claiming', owner))
  try {
    await writeNew(written, JSON.stringify(claim))
    await link(written, join(folder, CLAIM_FILE))
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(written, { force: true })
  }
  await syncFolder(folder)
  return true
}

/** Ends this very claim; one that somebody else took meanwhile stays. */
export async function endClaim(
  folder: string,
  claim: Claim,
  owner: ProcessIdentity,
): Promise<void> {
  const current = await readClaim(folder)
  if (current?.token !== claim.token) return
  const [path, moved] = [join(folder, CLAIM_FILE), join(folder, leftoverName('ending', owner))]
  try {
    await rename(path, moved)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  const taken = schema.parse(JSON.parse(await readSmall(moved)))
  // Between our look and our grip somebody may have ended it and another have taken the volume: it is given back.
  if (taken.token !== claim.token) await link(moved, path)
  await rm(moved)
  await syncFolder(folder)
}

/** How a claim looks from outside. */
export function attachmentOf(
  volumeId: VolumeId,
  { instance, since, device }: Claim,
  state: AttachmentState,
): VolumeAttachment {
  return {
    volumeId,
    instanceId: instance,
    state,
    since: new Date(since),
    ...(device && { deviceName: device.path }),
  }
}
