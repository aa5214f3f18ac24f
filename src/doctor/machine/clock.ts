import { existsSync } from 'node:fs'
import type { Check, Finding } from '../../libstorage/check.ts'
import { isStorageError } from '../../libstorage/errors.ts'
import type { Run } from '../../libstorage/run.ts'

/** No build of this program is older. */
const EARLIEST = Date.parse('2024-01-01T00:00:00Z')
const LOOK_MS = 2_000
/** systemd-timesyncd makes it at its first synchronisation; systemd-timesyncd.service(8). */
const SYNCHRONISED = '/run/systemd/timesync/synchronized'

/** What the clock is judged by. */
export interface ClockParts {
  readonly run: Run
  readonly now: () => Date
}

/** Whether the clock may be right: signatures of cloud requests and the patience with other machines hang on it. */
export function clockCheck({ run, now }: ClockParts): Check {
  return {
    id: 'machine.clock',
    title: 'the clock',
    run: async (signal) => {
      const time = now()
      if (time.getTime() < EARLIEST)
        return [
          {
            verdict: 'fail',
            seen: `the clock says ${time.toISOString()}, when this program was not yet made`,
            remedy: 'timedatectl set-ntp true',
          },
        ]
      return [finding(time, await isSynchronised(run, signal))]
    },
  }
}

function finding(time: Date, synchronised: boolean | undefined): Finding {
  const seen = `the clock says ${time.toISOString().replace(/\.\d+/, '')}`
  switch (synchronised) {
    case true:
      return { verdict: 'pass', seen: `${seen} and is synchronised` }
    case undefined:
      return {
        verdict: 'pass',
        seen: `${seen}; whether it is synchronised cannot be told from here`,
      }
    case false:
      return {
        verdict: 'warn',
        seen: `${seen} and is not synchronised`,
        remedy: 'timedatectl set-ntp true\nor start chronyd or ntpd',
      }
  }
}

/** As systemd tells, or else chrony; undefined where neither runs this machine. */
async function isSynchronised(run: Run, signal: AbortSignal): Promise<boolean | undefined> {
  if (existsSync(SYNCHRONISED)) return true
  const ask = async (command: string, ...args: string[]) => {
    try {
      const { exitCode, stdout } = await run(command, args, { timeoutMs: LOOK_MS, signal })
      return exitCode === 0 ? stdout.trim() : undefined
    } catch (error) {
      if (isStorageError(error)) return undefined
      throw error
    }
  }
  const systemd = await ask('timedatectl', 'show', '--property=NTPSynchronized', '--value')
  if (systemd !== undefined) return systemd === 'yes'
  // Values only, the last of them the leap status; chronyc(1).
  const chrony = await ask('chronyc', '-n', '-c', 'tracking')
  return chrony === undefined ? undefined : !/,Not synchronised$/.test(chrony)
}
