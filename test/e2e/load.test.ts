import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { expectNothingLeft } from '../support/leftovers.ts'
import { LoadRun } from '../support/load-run.ts'
import { eventually, Machine } from '../support/machine.ts'
import { expectSuccess } from '../support/plugin-calls.ts'

/** How long the load lasts; longer by the environment. */
const seconds = Number(process.env['LOAD_SECONDS'] ?? 40)
/** A file system that was being made, and that nobody repeats, is finished and let go 120 s after a start. */
const GOING_MS = 160_000
/** The same for the same moments of the kills. */
const seed = Number(process.env['LOAD_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

let machine: Machine
beforeEach(async () => {
  machine = await Machine.start()
})
afterEach(() => machine.end())

describe('the load of 200 containers on 40 volumes', () => {
  test(
    'with the server killed again and again loses no line that was written, and leaves nothing',
    async () => {
      console.log(`LOAD_SECONDS=${seconds} LOAD_SEED=${seed}`)
      const run = await LoadRun.start(machine, { volumes: 40, clients: 200, seconds, seed })
      await run.load()
      const { turns, calls, kills, failures } = run.tally
      console.log(
        `${turns} containers, ${calls} calls, ${kills} kills, ${run.uncertain.size} left their reference`,
      )
      expect(failures).toEqual([])
      expect(turns).toBeGreaterThan(50)

      await expectOnlyUncertain(run)
      for (const name of run.names) expect(await run.wrongLines(name), name).toEqual([])
      await Promise.all(
        run.names.map((name) => expectSuccess(run.server, 'Remove', { Name: name })),
      )
      await expectNothingLeft(machine, { pids: [run.server.pid] })
      const ledger = join(machine.home, 'var/lib/ledger/loop')
      expect(existsSync(ledger) ? readdirSync(ledger) : []).toEqual([])
      expect(await run.server.stop()).toBe(0)
      await expectNothingLeft(machine, { pids: [], ended: true })
    },
    (seconds + 260) * 1_000,
  )
})

/** What is still mounted, attached or recorded is so for a client whose call was cut off, as Docker leaves it too. */
async function expectOnlyUncertain(run: LoadRun): Promise<void> {
  const stray = () => {
    const held = run.records().filter(({ references }) => references.length > 0)
    const names = held.map(({ volume }) => `/${volume.name}`)
    const isHeld = (path: string) => names.some((name) => `${path}/`.includes(`${name}/`))
    return [
      ...run.references().filter((id) => !run.uncertain.has(id)),
      ...machine.mounts().filter((point) => point.includes('/volumes/') && !isHeld(point)),
      ...machine.loops().filter((loop) => !isHeld(loop)),
    ]
  }
  await eventually('what belongs to nobody to go', () => stray().length === 0, GOING_MS).catch(() =>
    expect(stray()).toEqual([]),
  )
}
