import type { Check, Finding } from '../../libstorage/check.ts'
import { volumeNamed } from '../../libstorage/errors.ts'
import type { Volume } from '../../libstorage/types.ts'
import type { PlatformLook, ServiceLook } from './service-look.ts'
import { allOr } from './wording.ts'

/** Volumes of one name: the empty one of two looks like lost data. */
export function namesCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.names',
    title: 'names that several volumes have',
    after: ['volumes.platform'],
    run: async () => {
      const platform = await look.platform()
      const byName = new Map<string, Volume[]>()
      for (const volume of platform.volumes) {
        const folded = volume.name.toLowerCase()
        if (folded !== '') byName.set(folded, [...(byName.get(folded) ?? []), volume])
      }
      const findings = [...byName.values()].flatMap((volumes) => finding(volumes, platform) ?? [])
      return allOr(findings, 'each volume has a name of its own')
    },
  }
}

function finding(volumes: readonly Volume[], { here }: PlatformLook): Finding | undefined {
  const [first] = volumes
  if (first === undefined || volumes.length < 2) return undefined
  const isHere = ({ zone }: Volume) => here.zone === undefined || zone === here.zone
  const ours = volumes.filter(({ managedBy }) => managedBy === undefined)
  const concernsUs = ours.some((volume) => isHere(volume) || volume.managed)
  if (!concernsUs) return undefined
  const list = volumes.map(
    ({ name, id, zone, managedBy }) =>
      `${name} (${id}${zone === undefined ? '' : ` in ${zone}`}${managedBy === undefined ? '' : `, managed by ${managedBy}`})`,
  )
  const which = ours.length === volumes.length ? 'the ones' : 'those of ours'
  const inZone = volumes.filter(isHere).length
  const isAmbiguous =
    volumes.filter(({ name, zone }) => name === first.name && zone === first.zone).length > 1
  const what =
    inZone > 1 || isAmbiguous ? 'is not the only one of its name' : 'has a namesake in another zone'
  return {
    verdict: isAmbiguous ? 'fail' : 'warn',
    seen: `${volumeNamed(first.name)} ${what}: ${list.join(', ')}`,
    remedy: `rename or remove ${which} that are not meant; until then use the id`,
  }
}
