import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { clockCheck } from '../../../src/doctor/machine/clock.ts'
import { run } from '../../../src/libstorage/run.ts'
import { DoctorWorld } from '../../support/doctor-world.ts'

/** With this file the tools are not asked. */
const isSynchronised = existsSync('/run/systemd/timesync/synchronized')

let world: DoctorWorld
beforeEach(() => {
  world = new DoctorWorld()
})
afterEach(() => world.end())

const found = (now = new Date()) =>
  clockCheck({ run, now: () => now }).run(new AbortController().signal)

test('a clock that says that this program was not yet made is wrong', async () => {
  expect(await found(new Date(0))).toMatchObject([
    { verdict: 'fail', seen: expect.stringContaining('1970-01-01T00:00:00') },
  ])
})

describe.skipIf(isSynchronised)('where systemd does not keep the clock', () => {
  const tracking = (leap: string) =>
    `echo 'A29FC87B,10.0.0.1,3,1763733600.1,0.000001,0.000002,0.000003,-4.1,0.001,0.02,0.01,0.001,64.2,${leap}'`

  test.each([
    ['Normal', 'pass', /and is synchronised$/],
    ['Not synchronised', 'warn', /and is not synchronised$/],
  ])('chrony tells by "%s" whether it is synchronised', async (leap, verdict, seen) => {
    world.withTools({ scripts: { chronyc: tracking(leap), timedatectl: 'exit 1' } })

    expect(await found()).toMatchObject([{ verdict, seen: expect.stringMatching(seen) }])
  })

  test('a chrony that does not run tells nothing', async () => {
    world.withTools({ scripts: { chronyc: 'echo 506 Cannot talk to daemon; exit 1' } })

    expect(await found()).toMatchObject([
      { verdict: 'pass', seen: expect.stringMatching(/cannot be told from here$/) },
    ])
  })
})
