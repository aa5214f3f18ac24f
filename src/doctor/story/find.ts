import { NotFoundError, volumeNamed } from '../../libstorage/errors.ts'
import { alike, theOne } from '../../libstorage/namesakes.ts'
import { nearest } from '../../libstorage/nearest.ts'
import type { Volume } from '../../libstorage/types.ts'
import type { LedgerRecord } from '../../mount/ledger-record.ts'
import type { PlatformLook, ServiceLook } from '../volumes/service-look.ts'

/** The volume that a name or an id means to a Mount here. Rejects with `StorageError` where there is none, or several. */
export function volumeMeant(name: string, { volumes, here }: PlatformLook): Volume {
  const isHere = ({ zone }: Volume) =>
    zone === undefined || here.zone === undefined || zone === here.zone
  const exact = volumes.filter((volume) => volume.name === name)
  const found =
    theOne(name, exact.filter(isHere)) ??
    volumes.find(({ id }) => id === name) ??
    theOne(name, alike(name, volumes).filter(isHere)) ??
    exact[0]
  if (found !== undefined) return found
  const near = nearest(
    name,
    volumes.map((volume) => volume.name),
  )
  throw new NotFoundError(
    `${volumeNamed(name)} (of ${volumes.length} volumes${near === undefined ? '' : `; there is ${volumeNamed(near)}`})`,
  )
}

/** What is recorded of the volume that is meant, also while the platform does not answer. */
export async function recordMeant(
  name: string,
  look: ServiceLook,
): Promise<LedgerRecord | undefined> {
  const { records } = await look.ledger()
  const meant = await look.platform().then(
    (platform) => volumeMeant(name, platform).id,
    () => undefined,
  )
  const folded = name.toLowerCase()
  return (
    records.find(({ volume }) => volume.id === (meant ?? name)) ??
    records.find(({ volume }) => volume.name === name) ??
    records.find(({ volume }) => volume.name.toLowerCase() === folded)
  )
}
