import type { IntegrationDriver } from '../../mount/integration-driver.ts'
import type { CommandSession } from '../session.ts'
import { openVolumePrinter, type PrintOptions } from './print-volumes.ts'
import { volumeStatus } from './volume-report.ts'
import { volumeTest } from './volume-test.ts'

/** What `volume ls` was asked for. */
export interface ListOptions extends PrintOptions {
  readonly attached?: boolean
  readonly available?: boolean
}

/** What of a session a list needs. */
export interface ListSession
  extends Pick<CommandSession, 'signal' | 'stdout' | 'viewpoint' | 'progress'> {
  readonly volumes: Pick<IntegrationDriver, 'list'>
}

/** Prints the volumes that are wanted; all of them where nothing is said. */
export async function listVolumes(
  session: ListSession,
  wanted: readonly string[],
  options: ListOptions,
): Promise<number> {
  const { volumes, signal, stdout, viewpoint } = session
  const tests = wanted.map(volumeTest)
  const print = await openVolumePrinter(session, options)
  const [views, here] = await session.progress('listing volumes', () =>
    Promise.all([volumes.list({ signal }), viewpoint()]),
  )
  const statuses = [options.attached && 'attached', options.available && 'available']
  const isAnyStatus = !statuses.some(Boolean)
  const listed = views.filter(
    ({ volume }) =>
      (tests.length === 0 || tests.some((test) => test(volume))) &&
      (isAnyStatus || statuses.includes(volumeStatus(volume, here))),
  )
  stdout.write(print(listed))
  return 0
}
