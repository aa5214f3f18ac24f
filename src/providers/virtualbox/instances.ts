import type { InstanceDriver } from '../../libstorage/storage-driver.ts'
import type { Reference, WebSession } from './client.ts'
import { Code, hasCode } from './fault.ts'
import { findMachine, instanceStateOf, type Machines } from './machines.ts'
import type { Ask } from './snapshots.ts'

/** How long a machine may take to be powered down, in milliseconds. */
const POWER_DOWN_MS = 60_000

/** Other machines of the host. */
export function hostMachines(machines: Machines, ask: Ask): InstanceDriver {
  return {
    status: (id, { signal } = {}) =>
      ask(
        `machine ${id}`,
        async (session) => {
          const found = await findMachine(session, id, signal)
          if (found === undefined) return undefined
          if (found.problem !== undefined) return { id, state: 'stopped' as const }
          const change = { _this: found.ref }
          const since = await session.call('IMachine_getLastStateChange', change, signal)
          return {
            id,
            state: instanceStateOf(found.state),
            ...(since > 0 && { since: new Date(since) }),
          }
        },
        signal,
      ),
    stop: (id, { signal } = {}) =>
      ask(
        `machine ${id}`,
        (session) =>
          machines.locked(session, id, signal, async ({ lock, isOff }) => {
            if (isOff) return
            await powerDown(session, lock, id)
          }),
        signal,
      ),
  }
}

async function powerDown(session: WebSession, lock: Reference, id: string): Promise<void> {
  const _this = await session.call('ISession_getConsole', { _this: lock })
  try {
    const progress = await session.call('IConsole_powerDown', { _this })
    await session.finished(progress, POWER_DOWN_MS)
  } catch (error) {
    if (!hasCode(error, Code.invalidVmState) || !(await isEnding(session, id))) throw error
  }
  await session.release(_this)
}

/** Whether somebody else has brought it to an end, or is about to. */
async function isEnding(session: WebSession, id: string): Promise<boolean> {
  const found = await findMachine(session, id)
  return found === undefined || /^stopp/.test(instanceStateOf(found.state))
}
