import type { Check } from '../libstorage/check.ts'

/** What is known of how a service is served. */
export interface DriverFacts {
  readonly driver: string
  /** Why this machine cannot serve it, as a clause, or undefined when it can. */
  readonly unavailable: () => Promise<string | undefined>
}

/** Whether this machine can serve the driver of a service. */
export function driverCheck({ driver, unavailable }: DriverFacts): Check {
  return {
    id: 'service.driver',
    title: 'the driver of the service',
    after: ['machine.configuration'],
    run: async () => {
      const why = await unavailable()
      if (why === undefined) return [{ verdict: 'pass', seen: `${driver} can be served here` }]
      return [
        {
          verdict: 'fail',
          seen: `${driver} cannot be served on this machine: ${why}`,
          remedy: remedyOf(why),
        },
      ]
    },
  }
}

function remedyOf(why: string): string {
  if (/root/.test(why)) return 'sudo remora start'
  if (why.includes('/dev/loop-control'))
    return 'modprobe loop\nin a container: --privileged --volume /dev:/dev'
  return 'make that possible, or configure another service'
}
