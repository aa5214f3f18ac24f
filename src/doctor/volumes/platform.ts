import type { Check, Finding } from '../../libstorage/check.ts'
import type { ServiceLook } from './service-look.ts'
import { counted } from './wording.ts'

/** Whether the platform says what volumes there are, and which machine this is. */
export function platformCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.platform',
    title: 'the volumes of the platform',
    after: ['service.driver'],
    run: async () => {
      const { here, volumes } = await look.platform()
      const attached = volumes.filter((volume) =>
        volume.attachments.some(({ instanceId }) => instanceId === here.id),
      )
      const zone = here.zone === undefined ? '' : ` in ${here.zone}`
      const seen = `this machine is ${here.id}${zone}; it sees ${counted(volumes.length, 'volume')}, ${attached.length} of them attached here`
      const broken = volumes.filter(({ state }) => state === 'error')
      return [
        { verdict: 'pass', seen },
        ...broken.map(
          ({ name, problem = 'is in the state error' }): Finding => ({
            verdict: 'fail',
            seen: `volume ${JSON.stringify(name)} ${problem}`,
            remedy: 'mend that on the platform, or remove the volume',
          }),
        ),
      ]
    },
  }
}
