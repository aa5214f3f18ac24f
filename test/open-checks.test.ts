import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { aVolume } from './support/a-volume.ts'
import { type Broken, DoctorWorld, USUAL } from './support/doctor-world.ts'

let world: DoctorWorld
beforeEach(() => {
  world = new DoctorWorld()
})
afterEach(() => world.end())

const settings: readonly Broken[] = [
  {
    what: 'a wrong value in the configuration',
    breakIt: () => world.configure('libstorage:\n  service: cloud\nrexray:\n  logLevel: loud\n'),
    line: /^fail machine.configuration: .*config\.yml:4:\d+: .*logLevel/,
  },
  {
    what: 'a wrong value of a driver',
    breakIt: () => world.configure('libstorage:\n  service: vfs\nvfs:\n  pool: relative\n'),
    line: /^fail machine.configuration: .*config\.yml:4:\d+: vfs\.pool .*absolute path/,
  },
  {
    what: 'a driver that does not exist',
    breakIt: () => world.configure('libstorage:\n  service: gcepd\n'),
    line: /^fail machine.configuration: .*gcepd/,
  },
  {
    what: 'a file that is no YAML',
    breakIt: () => world.configure('libstorage: [\n'),
    line: /^fail machine.configuration: .*config\.yml/,
  },
  {
    what: 'a key without effect',
    breakIt: () => world.configure('libstorage:\n  service: vfs\n  servise: x\n'),
    line: /^warn machine.configuration: .*config\.yml:3:\d+: .*servise/,
  },
  {
    what: 'two services with one pool',
    breakIt: () =>
      world.configure(
        'libstorage:\n  service: a\n  server:\n    services:\n      a: {driver: vfs, vfs: {pool: /srv/p}}\n      b: {driver: vfs, vfs: {pool: /srv/p}}\n',
      ),
    line: /^fail machine.configuration: .*services "a" and "b" share their storage/,
  },
  {
    what: 'a default choice that says nothing',
    breakIt: () => world.write('var/lib/default-service.json', '{}'),
    line: /^fail machine.configuration: .*default-service\.json does not say which service/,
  },
  {
    what: 'a driver that this machine cannot serve',
    breakIt: () => {
      world.useCloud()
      world.unavailable = 'needs root'
    },
    line: /^fail service.driver: cloud cannot be served on this machine: needs root/,
  },
]

const places: readonly Broken[] = [
  {
    what: 'a file in place of the folder for state',
    breakIt: () => world.write('var/lib', 'in the way'),
    line: /^fail machine.folders: the folder for state, .*\/var\/lib is no folder/,
  },
  {
    what: 'a folder for state that is a link to nowhere',
    breakIt: () => {
      mkdirSync(path.join(world.home, 'var'))
      symlinkSync('/nowhere/at/all', path.join(world.home, 'var/lib'))
    },
    line: /^fail machine.folders: the folder for state, .*\/var\/lib is no folder/,
  },
  {
    what: 'a disk of the folders that hangs',
    breakIt: () => world.withTools({ scripts: { stat: 'exec /bin/sleep 60' } }),
    line: /^fail machine.folders: the folder for state, .* does not answer/,
  },
  {
    what: 'a pool that is not there',
    breakIt: () => world.configure('libstorage:\n  service: vfs\nvfs:\n  pool: /nowhere/pool\n'),
    line: /^fail vfs.pool: pool \/nowhere\/pool is not there, nor the folder that it shall lie in/,
  },
  {
    what: 'a file in place of a pool',
    breakIt: () => {
      const pool = world.write('pool', '')
      world.configure(`libstorage:\n  service: vfs\nvfs:\n  pool: ${pool}\n`)
    },
    line: /^fail vfs.pool: pool .*\/pool is no folder/,
  },
  {
    what: 'a pool that is gone',
    breakIt: () => {
      const pool = path.join(world.home, 'pool')
      world.configure(`libstorage:\n  service: vfs\nvfs:\n  pool: ${pool}\n`)
      world.write(`var/lib/pools/${encodeURIComponent(`vfs ${pool}`)}`, `${pool}\n`)
    },
    line: /^fail vfs.pool: pool .*\/pool does not exist/,
  },
  {
    what: 'a pool whose disk is not mounted',
    breakIt: () => {
      world.configure('libstorage:\n  service: vfs\n')
      const pool = path.join(world.home, 'var/lib/vfs')
      mkdirSync(pool, { recursive: true })
      world.write(`var/lib/pools/${encodeURIComponent(`vfs ${pool}`)}`, `${pool}\n`)
    },
    line: /^fail vfs.pool: .*(mounted|bare|empty)/,
  },
]

const tools: readonly Broken[] = [
  ...['blkid', 'mkfs.ext4', 'e2fsck', 'cmp'].map((tool) => ({
    what: `no ${tool}`,
    breakIt: () => {
      world.useCloud()
      world.withTools({ without: [tool] })
    },
    line: new RegExp(`^fail machine.tools: ${tool} \\(package [\\w-]+\\) not installed`),
  })),
  {
    what: 'no mkfs.xfs where new volumes are xfs',
    breakIt: () => {
      const operations = 'integration:\n    volume:\n      operations:\n        create:'
      world.configure(
        `libstorage:\n  service: cloud\n  ${operations}\n          default:\n            fsType: xfs\n`,
      )
      world.withTools({ without: ['mkfs.xfs'] })
    },
    line: /^fail machine.tools: mkfs.xfs \(package xfsprogs\) not installed/,
  },
  {
    what: 'no btrfs where nothing is made with it',
    breakIt: () => {
      world.useCloud()
      world.withTools({ without: ['mkfs.btrfs', 'btrfs'] })
    },
    line: /^warn machine.tools: mkfs.btrfs, btrfs \(package btrfs-progs\)/,
  },
  {
    what: 'a clock that nothing synchronises',
    breakIt: () => world.withTools({ scripts: { timedatectl: 'echo no' } }),
    line: /^warn machine.clock: .* is not synchronised/,
  },
]

const sockets: readonly Broken[] = [
  {
    what: 'a file in place of the socket',
    breakIt: () => world.write('run/docker/plugins/rexray.sock', ''),
    line: /^fail machine.sockets: .*rexray\.sock is in the way .* is none/,
  },
  {
    what: 'a program on the socket that is no plugin',
    breakIt: () => world.listen('hello'),
    line: /^fail machine.sockets: pid \d+ \(.+\) listens on .*rexray\.sock and is no volume plugin/,
  },
  {
    what: 'another volume plugin on the socket',
    breakIt: () => world.listen('{"Implements":["VolumeDriver"]}'),
    line: /^fail machine.sockets: pid \d+ \(.+\) answers on .*rexray\.sock and is no server of this home/,
  },
  {
    what: 'a program on the socket that never answers',
    breakIt: () => world.listen(undefined),
    line: /^fail machine.sockets: pid \d+ \(.+\) listens on .*rexray\.sock and does not answer/,
  },
  {
    what: 'a socket whose path is too long',
    breakIt: () => {
      const host = `unix:///run/${'long'.repeat(30)}.sock`
      world.configure(
        `libstorage:\n  service: vfs\nrexray:\n  modules:\n    default-docker:\n      host: ${host}\n`,
      )
    },
    line: /^fail machine.(sockets|configuration): .*(134|bytes)/,
  },
]

describe('what is wrong is named in the first line that is', () => {
  test.each([...settings, ...places, ...tools, ...sockets])('$what', async ({ breakIt, line }) => {
    await breakIt()

    expect(await world.firstWrong({ uid: process.getuid?.() ?? 0 })).toMatch(line)
  })
})

test('a machine on which nothing is wrong has no other line than that no server runs', async () => {
  world.configure('libstorage:\n  service: vfs\n')
  const lines = await world.lines()

  expect(lines).toContain(`warn machine.sockets: there is no ${world.socket}: no server runs`)
  expect(lines.filter((line) => !line.startsWith('pass ') && !USUAL.test(line))).toEqual([])
})

test('nothing is changed: no file appears, and the platform gets no call that changes anything', async () => {
  world.configure(
    'libstorage:\n  server:\n    services:\n      one:\n        driver: vfs\n      two:\n        driver: cloud\n',
  )
  world.write('var/lib/ledger/two/vol-a.json', '{')
  world.volumes.push(aVolume({ name: 'pg' }))
  const before = everything(world.home)
  await world.lines()
  await world.lines({ volume: 'pg' })

  expect(everything(world.home)).toEqual(before)
  expect(world.changes).toEqual([])
})

test('a volume of a service that is configured wrongly is told of as far as that goes', async () => {
  world.configure('libstorage:\n  service: vfs\nvfs:\n  pool: relative\n')
  const lines = await world.lines({ volume: 'pg' })

  expect(lines[0]).toMatch(/^fail machine.configuration/)
  expect(lines.filter((line) => line.includes('bug'))).toEqual([])
})

test('a pool that the first start makes is no failure', async () => {
  const pool = path.join(world.home, 'pool')
  world.configure(`libstorage:\n  service: vfs\nvfs:\n  pool: ${pool}\n`)

  expect(await world.lines()).toContain(`pass vfs.pool: pool ${pool} is made with the first start`)
})

test('what a process that died has left in a pool stays where it is', async () => {
  world.configure('libstorage:\n  service: vfs\n')
  const left = world.write('var/lib/vfs/.creating-boot~pid:[1]~1~1~aa/x', '')
  utimesSync(path.dirname(left), 0, 0)
  const before = everything(world.home)
  expect((await world.lines()).filter((line) => line.startsWith('fail'))).toEqual([])

  expect(everything(world.home)).toEqual(before)
})

test('while the configuration is wrong, no service is looked at', async () => {
  world.configure('libstorage:\n  service: cloud\nrexray:\n  logLevel: loud\n')
  world.answer = () => Promise.reject(new Error('nobody is to ask'))

  expect(await world.lines()).toContain(
    'skip volumes.platform: not looked at, because machine.configuration failed',
  )
})

test('services of one driver are each looked at', async () => {
  world.configure(
    'libstorage:\n  server:\n    services:\n      one:\n        driver: cloud\n      two:\n        driver: cloud\n',
  )
  const services = (await world.results()).filter(({ id }) => id === 'volumes.platform')

  expect(services.map(({ service }) => service)).toEqual(['one', 'two'])
})

test('every failure has a remedy', async () => {
  world.useCloud()
  world.volumes.push(aVolume({ name: 'pg', state: 'error' }))
  world.record('pg', {
    references: [{ id: 'a', count: 1, undelivered: 0, since: new Date(0).toISOString() }],
  })
  writeFileSync(path.join(world.home, 'run'), '')
  const findings = (await world.results()).flatMap((result) => result.findings)

  expect(findings.filter(({ verdict, remedy }) => verdict === 'fail' && !remedy)).toEqual([])
  expect(findings.some(({ verdict }) => verdict === 'fail')).toBe(true)
})

function everything(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()
}
