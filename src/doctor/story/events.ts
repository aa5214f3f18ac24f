import type { Check } from '../../libstorage/check.ts'
import type { RecordedEvent } from '../../mount/event-log.ts'
import type { ServiceLook } from '../volumes/service-look.ts'
import { idMeant, recordMeant } from './find.ts'

const SHOWN = 10

/** What happened to it here last. */
export function eventsCheck(name: string, look: ServiceLook): Check {
  return {
    id: 'volume.events',
    title: `what happened to volume ${JSON.stringify(name)} here`,
    after: ['machine.folders'],
    run: async () => {
      const id = (await idMeant(name, look)) ?? (await recordMeant(name, look))?.volume.id
      const events = await look.events()
      const own = events.filter(({ volume, volumeId }) =>
        id === undefined || volumeId === undefined ? volume === name : volumeId === id,
      )
      if (own.length === 0) return [{ verdict: 'pass', seen: 'no event of it is known here' }]
      return own
        .slice(-SHOWN)
        .map((event) => ({ verdict: 'pass' as const, seen: eventText(event) }))
    },
  }
}

function eventText({ time, kind, instance, holder, durationMs, cause }: RecordedEvent): string {
  const facts = [
    instance && `instance ${instance}`,
    holder && `holder ${holder.slice(0, 12)}`,
    durationMs !== undefined && `${durationMs} ms`,
    cause,
  ].filter(Boolean)
  return `${time} ${kind}${facts.length === 0 ? '' : `: ${facts.join(', ')}`}`
}
