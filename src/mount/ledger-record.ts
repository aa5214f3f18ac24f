import * as z from 'zod'
import { FailedPreconditionError } from '../libstorage/errors.ts'
import { type ProcessIdentity, processIdentitySchema } from '../libstorage/process-identity.ts'
import type { Volume, VolumeAttachment } from '../libstorage/types.ts'

/** The newest form of a record that is understood. */
const RECORD_VERSION = 1

const time = z.iso.datetime()

/** A volume as it was last seen, so that a restart can tell of it without asking the platform. */
const factsSchema = z.object({
  id: z.string().min(1),
  name: z.string(),
  sizeGiB: z.number(),
  zone: z.string().optional(),
  type: z.string().optional(),
  iops: z.number().optional(),
  encrypted: z.boolean().optional(),
  madeFrom: z.enum(['snapshot', 'volume']).optional(),
  managed: z.boolean(),
  createdAt: time.optional(),
  labels: z.record(z.string(), z.string()),
})

/** The schema of one ledger file. Times are ISO 8601. */
export const ledgerRecordSchema = z.object({
  version: z.literal(RECORD_VERSION),
  service: z.string().min(1),
  volume: factsSchema,
  /** The boot in which the record was written last; references, mounts and processes of another boot are gone. */
  bootId: z.string(),
  /** Set from before we attach the volume until after we have detached it. */
  attachment: z
    .object({
      instanceId: z.string(),
      /** Absent from before the attach until its reply: it may or may not have happened. */
      since: time.optional(),
      /** As the platform names it: what is known of a volume that vanished from its platform with its device in use. */
      deviceName: z.string().optional(),
      /** The disk that it was seen to have, with what tells it from a later one of its name. */
      disk: z.object({ device: z.string(), identity: z.string() }).optional(),
    })
    .optional(),
  /** Set from before we mount the volume until after it is unmounted. */
  mount: z
    .object({
      mountPoint: z.string(),
      device: z.string(),
      since: time,
      /** What tells the device from a later one of the same name; absent where the kernel says nothing of the kind. */
      identity: z.string().optional(),
      /** False until everything that belongs to the mount, the data folder too, is there. */
      complete: z.boolean(),
    })
    .optional(),
  /** Mount points of an earlier configuration, or an earlier boot, at which it is mounted no more: bare, and removed once nobody holds the device. */
  bare: z.array(z.string()).readonly().optional(),
  /** Set from before mkfs begins until it has ended well: the device was blank then, and until mkfs has come to its end nothing of value is on it; void once that attachment has ended. */
  formatIntent: z.object({ fsType: z.string(), uuid: z.string(), attachedSince: time }).optional(),
  /** Set from before an unmounted file system is grown until that has ended well, or a thorough check has found it sound: it may be half changed, and nothing mounts it unchecked. */
  growing: z.object({ since: time }).optional(),
  /** A tool at work on the device, in a session of its own; it may outlive us. */
  tool: z.object({ command: z.string(), process: processIdentitySchema, since: time }).optional(),
  references: z
    .array(
      z.object({
        id: z.string(),
        count: z.number().int().min(1),
        undelivered: z.number().int().min(0),
        since: time,
        doubtedSince: time.optional(),
        repeated: z.number().int().min(1).optional(),
      }),
    )
    .readonly(),
  /** Set where the mount was found without a record: who uses it is not known. */
  adopted: z.boolean().optional(),
  /** Mount points of this volume that REX-Ray made where its versions had them: adopted where they are, in the order of the kernel. */
  olderMounts: z.array(z.string()).readonly().optional(),
  /** Set from before the first request that shall take the volume from another machine until it is attached here. */
  takeOver: z
    .object({
      /** Whose attachment it is, and when that began: a later one is another, of which nothing was asked yet. */
      from: z.string(),
      since: time,
      begunAt: time,
      /** When the platform had the request that the holder let go, or the holder was first seen to be letting go. */
      detachRequestedAt: time.optional(),
      /** The platform refused that because the device is held. */
      isHeld: z.boolean().optional(),
      /** The holder was down when it was asked. */
      wasDown: z.boolean().optional(),
      stopRequestedAt: time.optional(),
    })
    .optional(),
  /** Set from when this machine noticed that it lost the volume until it is attached here again, or has nothing to do with it any more. */
  lost: z
    .object({
      at: time,
      /** Absent where the platform did not say who has it. */
      to: z.string().optional(),
      /** When a Mount was refused last because of that. */
      refusedAt: time.optional(),
    })
    .optional(),
  /** Set while the volume shall be released but something still holds it. */
  releasing: z.object({ since: time }).optional(),
})

/** What was meant for one volume on this machine; what is, the kernel and the platform say. */
export type LedgerRecord = Readonly<z.infer<typeof ledgerRecordSchema>>

/** The record that a ledger file holds. Throws what zod or `StorageError` says; what a newer version knows must not be lost by taking it for corrupt. */
export function parseRecord(file: string, content: unknown): LedgerRecord {
  const { version } = z.object({ version: z.number() }).parse(content)
  if (version <= RECORD_VERSION) return ledgerRecordSchema.parse(content) as LedgerRecord
  throw new FailedPreconditionError({
    subject: `ledger file ${file}`,
    problem: `was written by a newer version of this program (${version}, this one knows ${RECORD_VERSION})`,
    remedy: 'use that version, or a later one',
  })
}

/** A tool at work, as the ledger names it. */
export type ToolRecord = {
  readonly command: string
  readonly process: ProcessIdentity
  readonly since: string
}

/** What the ledger keeps of a volume. */
export type VolumeFacts = Readonly<z.infer<typeof factsSchema>>

/** What is kept of a volume as a look-up saw it. */
export function factsOf(volume: Volume): VolumeFacts {
  const { id, name, sizeGiB, zone, type, iops, encrypted, madeFrom, managed, createdAt, labels } =
    volume
  return {
    id,
    name,
    sizeGiB,
    zone,
    type,
    iops,
    encrypted,
    madeFrom,
    managed,
    labels,
    createdAt: createdAt?.toISOString(),
  }
}

/** The volume that the ledger remembers, attached here if the record says so. */
export function rememberedVolume(record: LedgerRecord): Volume {
  const { createdAt, ...facts } = record.volume
  const attachment = recordedAttachment(record)
  const defined = Object.fromEntries(
    Object.entries(facts).filter(([, value]) => value !== undefined),
  )
  return {
    ...(defined as Pick<Volume, 'id' | 'name' | 'sizeGiB' | 'managed' | 'labels'>),
    ...(createdAt === undefined ? {} : { createdAt: new Date(createdAt) }),
    state: attachment === undefined ? 'available' : 'in-use',
    attachments: attachment === undefined ? [] : [attachment],
  }
}

/** The attachment that the ledger knows, as the executor wants to be asked for it. */
export function recordedAttachment({
  volume,
  attachment,
}: LedgerRecord): VolumeAttachment | undefined {
  if (attachment?.since === undefined) return undefined
  const { instanceId, since, deviceName } = attachment
  const known = { volumeId: volume.id, instanceId, since: new Date(since) }
  return { ...known, state: 'attached', ...(deviceName === undefined ? {} : { deviceName }) }
}

/** A record about a volume of which nothing was meant yet. */
export function newRecord(service: string, volume: VolumeFacts, bootId: string): LedgerRecord {
  return { version: 1, service, volume, bootId, references: [] }
}

/** Whether a record still says anything that another would not know. */
export function isWorthKeeping(record: LedgerRecord): boolean {
  return (
    record.attachment !== undefined ||
    record.mount !== undefined ||
    record.tool !== undefined ||
    record.growing !== undefined ||
    record.takeOver !== undefined ||
    record.lost !== undefined ||
    record.references.length > 0
  )
}
