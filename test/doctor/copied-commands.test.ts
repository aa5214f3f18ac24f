import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DoctorWorld } from '../support/doctor-world.ts'

describe('where the home has a blank in its name, a command that is named can be copied', () => {
  let world: DoctorWorld
  beforeEach(() => {
    world = new DoctorWorld('doctor of mine-')
  })
  afterEach(() => world.end())

  /** The words that a shell reads in a command. */
  const wordsOf = (command: string) =>
    world.sh(`for word in ${command.replaceAll(/[&>|].*$/g, '')}; do echo "$word"; done`)

  test.each([
    ['a corrupt record', () => world.write('var/lib/ledger/vfs/vol-a.json', '{'), 'ls -l '],
    ['one put aside', () => world.write('var/lib/ledger/vfs/a.json.corrupt-1', '{'), 'rm '],
    ['a file in place of the state', () => world.write('var/lib', ''), 'ls -ld '],
    [
      'a file in place of the socket',
      () => world.write('run/docker/plugins/rexray.sock', ''),
      'ls -ld ',
    ],
    ['a file in place of the pool', () => world.write('var/lib/vfs', ''), 'ls -ld '],
    [
      'a pool that is gone',
      () => world.configure(`libstorage: {service: vfs}\nvfs: {pool: ${world.home}/no/pool}\n`),
      'mkdir -p ',
    ],
  ])('%s', async (_what, breakIt, command) => {
    world.configure('libstorage:\n  service: vfs\n')
    await breakIt()
    const remedies = (await world.results()).flatMap(({ findings }) =>
      findings.flatMap(({ remedy = '' }) => remedy.split('\n')),
    )
    const line = remedies.find((one) => one.includes(command) && one.includes(world.home)) ?? ''
    const words = (await wordsOf(line.slice(line.indexOf(command)))).split('\n')
    expect(words.some((word) => word.startsWith(`${world.home}/`))).toBe(true)
  })
})
