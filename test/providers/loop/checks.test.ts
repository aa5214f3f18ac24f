import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { examine } from '../../../src/doctor/examine.ts'
import { reportAsText } from '../../../src/doctor/report.ts'
import { driverCheck } from '../../../src/doctor/service.ts'
import { run } from '../../../src/libstorage/run.ts'
import { loopChecks } from '../../../src/providers/loop/checks.ts'
import { defineLoop } from '../../../src/providers/loop/config.ts'
import { DoctorWorld } from '../../support/doctor-world.ts'
import { loopUnavailable } from '../../support/loop-world.ts'

let world: DoctorWorld
beforeEach(() => {
  world = new DoctorWorld()
  mkdirSync(sysfs())
})
afterEach(() => world.end())

const pool = () => path.join(world.home, 'pool')
const sysfs = () => path.join(world.home, 'sysfs')

/** A loop device as sysfs shows it: with a file behind it, or unused. */
function show(name: string, file?: string): void {
  if (file === undefined) mkdirSync(path.join(sysfs(), name))
  else world.write(`sysfs/${name}/loop/backing_file`, `${file}\n`)
}

/** What the doctor says of a service of loop volumes in the pool, without what differs from run to run. */
async function report(shown = sysfs()): Promise<string> {
  const context = { service: 'loop', libDirectory: path.join(world.home, 'lib'), run }
  const checks = loopChecks({ pool: pool() }, context, shown)
  const text = reportAsText(await examine([{ service: 'loop', checks }]), { coloured: false })
  return text
    .replaceAll(world.home, '<home>')
    .replaceAll(encodeURIComponent(world.home), '<home>')
    .replace(/\d+\.\d GiB free/, '<n> GiB free')
}

/** The pool had volumes, as this machine remembers. */
function remember(identity = ''): void {
  const line = identity && `Pool ${identity}\n`
  world.write(`lib/pools/${encodeURIComponent(`loop ${pool()}`)}`, `${pool()}\n${line}`)
}

interface SetUp {
  readonly title: string
  readonly arrange: () => unknown
}

const setUps: readonly SetUp[] = [
  {
    title: 'all is well',
    arrange: () => {
      mkdirSync(pool())
      show('loop0', path.join(pool(), 'pg/disk'))
      show('loop1', '/var/lib/snapd/core.snap')
      show('loop2')
      world.write('sysfs/sda/size', '1')
    },
  },
  {
    title: 'a volume lost its file while its device is in use',
    arrange: () => {
      mkdirSync(pool())
      show('loop0', path.join(pool(), 'pg/disk (deleted)'))
      show('loop1', '/elsewhere/disk (deleted)')
    },
  },
  {
    title: 'that volume lies in a pool behind a link',
    arrange: () => {
      mkdirSync(path.join(world.home, 'disk'))
      symlinkSync('disk', pool())
      show('loop7', path.join(world.home, 'disk/pg/disk (deleted)'))
    },
  },
  { title: 'there is no sysfs', arrange: () => rmSync(sysfs(), { recursive: true }) },
  { title: 'a file is in place of the pool', arrange: () => world.write('pool', '') },
  {
    title: 'the pool is a link to nowhere',
    arrange: () => symlinkSync('/nowhere/at/all', pool()),
  },
  { title: 'the pool that had volumes is gone', arrange: () => remember() },
  {
    title: 'the disk of the pool is not mounted',
    arrange: () => {
      remember()
      mkdirSync(pool())
    },
  },
  {
    title: 'another disk is mounted in its place',
    arrange: () => {
      remember('0123456789abcdef')
      world.write('pool/.pool', 'Pool fedcba9876543210\n')
    },
  },
  {
    title: 'the disk beneath the pool hangs',
    arrange: () => {
      mkdirSync(pool())
      show('loop0', path.join(pool(), 'pg/disk'))
      const hanging = 'exec /bin/sleep 60'
      world.withTools({ scripts: { stat: hanging, realpath: hanging } })
    },
  },
]

const disks: readonly SetUp[] = [
  { title: 'the pool is read-only', arrange: () => world.mountMemory('pool', 'ro') },
  { title: 'the pool is full', arrange: () => world.mountMemory('pool', 'size=8M') },
  { title: 'the pool is nearly full', arrange: () => world.mountMemory('pool', 'size=300M') },
  {
    title: 'the pool is immutable',
    arrange: async () => {
      mkdirSync(pool())
      await world.sh(`chattr +i ${pool()}`)
      world.later(() => world.sh(`chattr -i ${pool()}`))
    },
  },
]

test.each(setUps)('where $title: it is told byte by byte', async ({ title, arrange }) => {
  await arrange()

  await expect(await report()).toMatchFileSnapshot(
    `golden/checks/${title.replaceAll(' ', '-')}.txt`,
  )
})

test('the folder above the pool has to be there', async () => {
  const checks = loopChecks({ pool: '/nowhere/pool' }, { service: '', libDirectory: '/', run })

  expect(await checks[1]?.run(new AbortController().signal)).toEqual([
    {
      verdict: 'fail',
      seen: 'pool /nowhere/pool is not there, nor the folder that it shall lie in',
      remedy: 'mount what belongs there, or: mkdir -p /nowhere/pool',
    },
  ])
})

describe.skipIf(loopUnavailable !== undefined)('on real disks (root)', () => {
  test.each(disks)('where $title: it is told byte by byte', async ({ title, arrange }) => {
    await arrange()

    await expect(await report()).toMatchFileSnapshot(
      `golden/checks/${title.replaceAll(' ', '-')}.txt`,
    )
  })

  test('a device that outlived the file of its volume is named, until it is freed', async () => {
    const disk = world.write('pool/pg/disk', '')
    const device = await world.sh(`truncate -s 1M ${disk} && losetup --find --show ${disk}`)
    let isFreed = false
    world.later(() => isFreed || world.sh(`losetup -d ${device}`))
    const line = `warn  loop.devices (loop): ${device} is of a volume whose file is gone: <home>/pool/pg/disk (deleted)`

    expect(await report('/sys/block')).toMatch(
      /loop devices in use: [1-9]\d*, of them for volumes: 1$/m,
    )
    rmSync(disk)
    expect(await report('/sys/block')).toContain(line)

    await world.sh(`losetup -d ${device}`)
    isFreed = true
    expect(await report('/sys/block')).toMatch(/of them for volumes: 0$/m)
  })

  test('who may not write the pool is told so, and who may', async () => {
    mkdirSync(pool())
    chmodSync(pool(), 0o755)
    chmodSync(world.home, 0o755)
    const asNobody: typeof run = (command, args, options) =>
      run('setpriv', ['--reuid=65534', '--clear-groups', command, ...args], options)
    const context = { service: 'loop', libDirectory: world.home, run: asNobody }
    const [, check] = loopChecks({ pool: pool() }, context)

    expect(await check?.run(new AbortController().signal)).toMatchObject([
      {
        verdict: 'fail',
        seen: `pool ${pool()} cannot be written by this user`,
        remedy: expect.stringContaining('run as root, or as its owner'),
      },
    ])
    chmodSync(pool(), 0o777)
    expect(await check?.run(new AbortController().signal)).toMatchObject([{ verdict: 'pass' }])
  })

  test('a kernel without loop devices fails the driver, with the way to have them', async () => {
    const control = path.join(world.home, 'dev/loop-control')
    const { unavailable } = defineLoop(control)
    const check = driverCheck({ driver: 'loop', unavailable })

    expect(await check.run(new AbortController().signal)).toEqual([
      {
        verdict: 'fail',
        seen: `loop cannot be served on this machine: needs ${control}, which this kernel or container does not have`,
        remedy: 'modprobe loop\nin a container: --privileged --volume /dev:/dev',
      },
    ])
    world.write('dev/loop-control', '')
    expect(await check.run(new AbortController().signal)).toMatchObject([{ verdict: 'pass' }])
  })
})

test('each set-up has its golden text, and no other is kept', () => {
  const kept = readdirSync(path.join(import.meta.dirname, 'golden/checks'))

  expect(kept).toHaveLength(setUps.length + disks.length)
})
