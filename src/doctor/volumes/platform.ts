import type { Check } from '../../libstorage/check.ts'
import type { ServiceLook } from './service-look.ts'
import { about, allOr, counted } from './wording.ts'

/** Whether the platform says what volumes there are, and which machine this is. */
export function platformCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.platform',
    title: 'the volumes of the platform',
    after: ['service.driver'],
    run: async () => {
      const { here, volumes } = await look.platform()
      const ours = volumes.filter(({ managedBy }) => managedBy === undefined)
      const attached = ours.filter((volume) =>
        volume.attachments.some(({ instanceId }) => instanceId === here.id),
      )
      const zone = here.zone === undefined ? '' : ` in ${here.zone}`
      const others = volumes.length - ours.length
      const rest = others === 0 ? '' : `, and ${others} that others manage`
      const seen = `this machine is ${here.id}${zone}; it sees ${counted(ours.length, 'volume')}, ${attached.length} of them attached here${rest}`
      return [{ verdict: 'pass', seen }]
    },
  }
}

/** Volumes that their platform says are broken; a check of its own, since one of them says nothing against the others. */
export function brokenCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.broken',
    title: 'volumes that are broken on their platform',
    after: ['volumes.platform'],
    run: async () => {
      const { volumes } = await look.platform()
      const broken = volumes.filter(
        ({ state, managedBy }) => state === 'error' && managedBy === undefined,
      )
      const findings = broken.map((volume) =>
        about(
          volume,
          volume.problem ?? 'is in the state error',
          'mend that on the platform, or remove the volume',
        ),
      )
      return allOr(findings, 'none of them is broken')
    },
  }
}
