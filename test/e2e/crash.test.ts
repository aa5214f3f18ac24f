import { describe, expect, test } from 'vitest'
import {
  type CommandCrash,
  type CrashCommand,
  commandCrashRun,
  crashCommands,
} from '../support/command-crash-run.ts'
import { type Crash, crashRun } from '../support/crash-run.ts'
import { failureOf, inParallel, spread, tryAll } from '../support/crash-trials.ts'

/** Of a command's life, at most so many crashes are tried, and for so long; there are four commands. */
const commandSample = 12
const commandLimitMs = 15_000

/** The steps are the same whatever the file system is: all of them are tried with one, and as many as time allows with others. */
const limits = { ext4: {}, xfs: { limitMs: 15_000 }, btrfs: { limitMs: 15_000 } }
const fsTypes = Object.keys(limits) as (keyof typeof limits)[]

describe.each(fsTypes)('a crash with %s', (fsType) => {
  test('of the server and all that it started loses nothing, wherever it comes', async () => {
    const { points } = await crashRun(fsType, { kind: 'none' })
    expect(points.length).toBeGreaterThan(10)
    await tryAll(
      `${fsType}, server and its tools`,
      points,
      ({ number }) => crashRun(fsType, { kind: 'point', number, mode: 'tree' }),
      limits[fsType],
    )
  }, 600_000)

  test('of the server alone loses nothing, while the tools it started go on', async () => {
    const { points } = await crashRun(fsType, { kind: 'none' })
    // Where no tool runs, there is no difference to the crash above.
    const busy = points.filter(({ children, what }) => children > 0 || what.startsWith('started'))
    await tryAll(
      `${fsType}, server alone`,
      busy,
      ({ number }) => crashRun(fsType, { kind: 'point', number, mode: 'alone' }),
      limits[fsType],
    )
  }, 600_000)

  test('inside mkfs loses nothing, whether mkfs dies too or outlives the server', async () => {
    const { mkfsWrites } = await crashRun(fsType, { kind: 'none' })
    expect(mkfsWrites).toBeGreaterThan(10)
    // From run to run mkfs writes a little more or less.
    const writes = [1, 3, 10, 40, mkfsWrites - 8].filter((write) => write <= mkfsWrites - 8)
    const crashes = writes.flatMap((write): Crash[] => [
      { kind: 'mkfs-killed', write },
      { kind: 'mkfs-outlives', write },
    ])
    console.log(`${fsType}, mkfs: ${mkfsWrites} writes, ${crashes.length} crashes`)
    const failures: string[] = []
    await inParallel(crashes, async (crash) => {
      const failure = await failureOf(async () => {
        const { crashed } = await crashRun(fsType, crash)
        if (!crashed) throw new Error('the server did not die')
      })
      if (failure !== undefined) failures.push(`${JSON.stringify(crash)}: ${failure}`)
    })
    expect(failures).toEqual([])
  }, 600_000)
})

describe.each(Object.keys(crashCommands) as CrashCommand[])('volume %s killed', (command) => {
  test('beside a living server loses nothing, wherever it comes, and can be repeated', async () => {
    const { points } = await commandCrashRun(command, undefined)
    expect(points.length).toBeGreaterThan(3)
    const crashes = spread(points)
      .slice(0, commandSample)
      .map(({ number }): CommandCrash => ({ number, mode: number % 2 === 0 ? 'tree' : 'alone' }))
    const failures: string[] = []
    const count = { tried: 0, crashed: 0 }
    const deadline = performance.now() + commandLimitMs
    await inParallel(crashes, async (crash) => {
      if (performance.now() > deadline) return
      count.tried += 1
      const failure = await failureOf(async () => {
        if ((await commandCrashRun(command, crash)).crashed) count.crashed += 1
      })
      if (failure !== undefined) failures.push(`${JSON.stringify(crash)}: ${failure}`)
    })
    console.log(
      `volume ${command}: ${points.length} points, ${count.tried} tried, ${count.crashed} crashed and were repeated`,
    )
    expect(failures).toEqual([])
  }, 600_000)
})
