import { isStorageError } from '../../libstorage/errors.ts'
import { alike, theOne } from '../../libstorage/namesakes.ts'
import type { Volume } from '../../libstorage/types.ts'
import type { LedgerRecord } from '../../mount/ledger-record.ts'
import type { PlatformLook, ServiceLook } from '../volumes/service-look.ts'

/** The volume that a name or an id means to a Mount here, undefined where there is none. Throws `StorageError` where there are several. */
export function volumeMeant(name: string, { volumes, here }: PlatformLook): Volume | undefined {
  const isHere = ({ zone }: Volume) =>
    zone === undefined || here.zone === undefined || zone === here.zone
  const exact = volumes.filter((volume) => volume.name === name)
  return (
    theOne(name, exact.filter(isHere)) ??
    volumes.find(({ id }) => id === name) ??
    theOne(name, alike(name, volumes).filter(isHere)) ??
    exact[0]
  )
}

/** What is recorded of the volume that is meant, also while the platform does not answer. */
export async function recordMeant(
  name: string,
  look: ServiceLook,
): Promise<LedgerRecord | undefined> {
  const { records } = await look.ledger()
  const meant = await idMeant(name, look)
  const folded = name.toLowerCase()
  return (
    records.find(({ volume }) => volume.id === (meant ?? name)) ??
    records.find(({ volume }) => volume.name === name) ??
    records.find(({ volume }) => volume.name.toLowerCase() === folded)
  )
}

/** The id of the volume that is meant; undefined also where its platform does not answer, or several have the name. */
export async function idMeant(name: string, look: ServiceLook): Promise<string | undefined> {
  try {
    return volumeMeant(name, await look.platform())?.id
  } catch (error) {
    if (isStorageError(error)) return undefined
    throw error
  }
}
