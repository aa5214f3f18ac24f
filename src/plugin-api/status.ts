import { isAbsolute } from 'node:path'
import type { MountView, VolumeView } from '../mount/integration-driver.ts'

/** A volume as Get and List answer it. */
export interface VolumeEntry {
  readonly Name: string
  /** Absolute while the volume is mounted here, else ''. */
  readonly Mountpoint: string
  /** RFC 3339; Docker takes a volume for missing when it cannot parse this. */
  readonly CreatedAt?: string
  readonly Status: Status
}

/**
 * What `docker volume inspect` shows under Status. The keys up to `server` are REX-Ray's own, the service's name in
 * `server` and the null included; the others are there only for a volume in use here, or that is leaving a machine, or where something failed on it.
 */
export interface Status {
  readonly name: string
  /** GiB. */
  readonly size: number
  readonly iops: number
  readonly type: string
  readonly availabilityZone: string
  readonly fields: null
  readonly service: string
  readonly server: string
  /** Of the file system, as last measured. */
  readonly usedBytes?: number
  readonly freeBytes?: number
  /** The ids that have it mounted. */
  readonly holders?: readonly string[]
  /** ISO 8601. */
  readonly mountedSince?: string
  /** The instance that a detach under way waits for, be it that something there still uses the disk. */
  readonly detachingFrom?: string
  /** What failed on it last. */
  readonly lastError?: string
}

/** Describes a volume under the name that was asked for, which Docker compares with its own letter by letter. */
export function volumeEntry(name: string, view: VolumeView): VolumeEntry {
  const createdAt = rfc3339(view.volume.createdAt)
  return {
    Name: name,
    Mountpoint: view.mountpoint === undefined ? '' : checkedMountpoint(view.mountpoint),
    ...(createdAt === undefined ? {} : { CreatedAt: createdAt }),
    Status: status(view),
  }
}

/**
 * The path itself. Throws what is a bug, not a failure, if it is empty or relative: a container given such a path gets the
 * folder of its own runtime configuration instead, with its secrets.
 */
export function checkedMountpoint(path: string): string {
  if (!isAbsolute(path)) throw new Error(`mount point ${JSON.stringify(path)} is not absolute`)
  return path
}

function status({ volume, service, mount, lastError }: VolumeView): Status {
  const leaving = volume.attachments.find(({ state }) => state === 'detaching')
  return {
    name: volume.name,
    size: volume.sizeGiB,
    iops: volume.iops ?? 0,
    type: volume.type ?? '',
    availabilityZone: volume.zone ?? '',
    fields: null,
    service,
    server: service,
    ...(mount === undefined ? {} : mountStatus(mount)),
    ...(leaving === undefined ? {} : { detachingFrom: leaving.instanceId }),
    ...(lastError === undefined ? {} : { lastError }),
  }
}

function mountStatus({ since, holders, usage }: MountView): Partial<Status> {
  return {
    ...(usage === undefined ? {} : { usedBytes: usage.usedBytes, freeBytes: usage.freeBytes }),
    holders,
    mountedSince: since,
  }
}

/** RFC 3339 has four digits for the year and no word for an invalid time. */
function rfc3339(time: Date | undefined): string | undefined {
  if (time === undefined || Number.isNaN(time.getTime())) return undefined
  const written = time.toISOString()
  return /^\d/.test(written) ? written : undefined
}
