import path from 'node:path'
import type { Check, Finding } from '../../libstorage/check.ts'
import { shellWord } from '../../libstorage/shell.ts'
import type { LedgerLook } from '../../mount/ledger-look.ts'
import type { ServiceLook } from './service-look.ts'
import { counted } from './wording.ts'

const AHEAD_MS = 60_000

/** Whether what was written down about volumes in use can be read. */
export function ledgerCheck(look: ServiceLook): Check {
  return {
    id: 'volumes.ledger',
    title: 'the records of volumes in use',
    after: ['machine.folders'],
    run: async () => {
      const ledger = await look.ledger()
      const findings = [...badFindings(ledger), ...clockFindings(ledger, look.parts.now())]
      if (findings.length > 0) return findings
      return [
        {
          verdict: 'pass',
          seen: `${ledger.folder} has ${counted(ledger.records.length, 'record')}`,
        },
      ]
    },
  }
}

function badFindings({ folder, bad, aside }: LedgerLook): readonly Finding[] {
  const unreadable = bad.map(
    ({ file, problem }): Finding => ({
      verdict: 'fail',
      seen: `${file} ${problem}; until then its volume cannot be used here`,
      remedy: `ls -l ${shellWord(file)}\nrestore it, or move it elsewhere: mv ${shellWord(file)} /root/ && remora restart`,
    }),
  )
  if (aside.length === 0) return unreadable
  const names = aside.map((file) => path.basename(file)).join(', ')
  return [
    ...unreadable,
    {
      verdict: 'warn',
      seen: `${folder} has corrupt records that were put aside: ${names}; who used those volumes is lost, their data is not`,
      remedy: `when all of them are in use again or released: rm ${aside.map(shellWord).join(' ')}`,
    },
  ]
}

/** Patience with other machines is counted from times in records: a clock that was set back makes it last. */
function clockFindings({ records }: LedgerLook, now: Date): readonly Finding[] {
  const times = records.flatMap(({ attachment, mount, lost, releasing }) =>
    [attachment?.since, mount?.since, lost?.at, releasing?.since].filter(
      (one) => one !== undefined,
    ),
  )
  const latest = Math.max(...times.map((time) => Date.parse(time)))
  if (latest <= now.getTime() + AHEAD_MS) return []
  return [
    {
      verdict: 'warn',
      seen: `records are from ${new Date(latest).toISOString()}, later than now: the clock was set back`,
      remedy: 'timedatectl set-ntp true',
    },
  ]
}
