import { spawn } from 'node:child_process'
import { constants, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FailedPreconditionError, TimeoutError } from '../../src/libstorage/errors.ts'
import { openExclusively } from '../../src/libstorage/exclusive-open.ts'
import { notInstalled, type Run, run } from '../../src/libstorage/run.ts'
import { canMount, DiskWorld, has, tool } from '../support/disk-world.ts'
import { eventually } from '../support/eventually.ts'
import { HangingDevice } from '../support/hanging-device.ts'
import { hangingUnavailable } from '../support/hanging-folder.ts'

const EXCLUSIVE = constants.O_RDONLY | constants.O_EXCL

const withoutPerl: Run = async (command, args, options) => {
  if (command === 'perl') throw notInstalled('perl')
  return await run(command, args, options)
}

const withBrokenPerl: Run = (command, args, options) =>
  run(command === 'perl' ? 'false' : command, args, options)

let world: DiskWorld
beforeEach(() => {
  world = new DiskWorld()
})
afterEach(() => world.end())

describe.skipIf(!canMount).each<[string, Run]>([
  ['by perl', run],
  ['where there is no perl', withoutPerl],
  ['where perl does not work', withBrokenPerl],
])('an exclusive open %s (root)', (_how, run) => {
  test('succeeds on a device that nobody holds, and lets go of it', async () => {
    const device = await world.disk(16)
    expect(await openExclusively(device, run)).toBe('free')
    expect(await openExclusively(device, run)).toBe('free')
    await (await open(device, EXCLUSIVE)).close()
  })

  test('succeeds on one that may only be read', async () => {
    const device = await world.disk(16)
    await tool('blockdev', '--setro', device)
    try {
      expect(await openExclusively(device, run)).toBe('free')
    } finally {
      // The kernel keeps that for whatever file the device gets next.
      await tool('blockdev', '--setrw', device)
    }
  })

  test('is refused while somebody holds it', async () => {
    const device = await world.disk(16)
    const holder = await open(device, EXCLUSIVE)
    try {
      expect(await openExclusively(device, run)).toBe('held')
    } finally {
      await holder.close()
    }
  })

  test('is not refused by another one that looks at the same time', async () => {
    const device = await world.disk(16)
    const looks = Array.from({ length: 3 }, () => openExclusively(device, run))
    expect(new Set(await Promise.all(looks))).toEqual(new Set(['free']))
  })

  test('of a device that is not there says so', async () => {
    await expect(openExclusively('/dev/no-such-device', run)).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
      message: 'device /dev/no-such-device not found',
    })
  })

  test('of what cannot be opened says why', async () => {
    const link = world.path('loop')
    await tool('ln', '-s', link, link)
    await expect(openExclusively(link, run)).rejects.toEqual(
      new FailedPreconditionError({
        subject: `device ${link}`,
        problem: 'cannot be opened (ELOOP)',
        remedy: 'see whether its disk is dying',
      }),
    )
  })
})

/** Leaves a reader of a disk that hangs behind who cannot be ended: its last close holds the kernel's lock on the disk. */
async function killReaderOf(device: string): Promise<void> {
  const reader = spawn('blkid', ['-p', device], { stdio: 'ignore' })
  await eventually(() => expect(readBy(reader.pid)).toBe(device))
  reader.kill('SIGKILL')
  await eventually(() => expect(stateOf(reader.pid)).toBe('D'))
}

/** The file that a process waits for in the kernel to be read. */
function readBy(pid: number | undefined): string | undefined {
  const [, descriptor] = readFileSync(`/proc/${pid}/syscall`, 'utf8').split(' ')
  const waitsForPage = /folio|page/.test(readFileSync(`/proc/${pid}/wchan`, 'utf8'))
  return waitsForPage ? readlinkSync(`/proc/${pid}/fd/${Number(descriptor)}`) : undefined
}

function stateOf(pid: number | string | undefined): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0]
}

/** The processes that wait for a device in a way that nobody can end. */
function stuckAt(device: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || !existsSync(`/proc/${pid}`)) return false
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return words.includes(device) && words.includes('-e') && stateOf(pid) === 'D'
    } catch {
      return false
    }
  })
}

describe.skipIf(!canMount || hangingUnavailable || !has('blkid'))(
  'an exclusive open of a disk that hangs (root)',
  () => {
    const hanging: HangingDevice[] = []
    afterEach(async () => {
      await Promise.all(hanging.splice(0).map((one) => one.end()))
    })

    async function hangingDisk(): Promise<HangingDevice> {
      const made = await HangingDevice.make(world.path(`hanging-${hanging.length}`))
      hanging.push(made)
      await killReaderOf(made.device)
      return made
    }

    test('is given up in time, and holds up nothing else', { timeout: 60_000 }, async () => {
      for (let disk = 0; disk < 4; disk++) await hangingDisk()
      const devices = hanging.map(({ device }) => device)
      const opening = devices.map((device) => openExclusively(device, run, 1_000))
      const ended = await Promise.allSettled(opening)
      expect(ended.map((one) => one.status === 'rejected' && one.reason)).toEqual(
        devices.map(
          (device) =>
            new TimeoutError({
              subject: `device ${device}`,
              problem: 'does not answer an open within 1 s',
              remedy: 'see whether its disk hangs, and try again',
            }),
        ),
      )
      expect(await readFile('/proc/self/comm', 'utf8')).not.toBe('')
    })

    test.each<[string, Run]>([
      ['by perl', run],
      ['without perl', withoutPerl],
    ])('leaves one process behind however often it is asked, %s', async (_how, run) => {
      const disk = await hangingDisk()
      const { device } = disk
      for (let time = 0; time < 3; time++)
        await expect(openExclusively(device, run, 1_000)).rejects.toThrow(TimeoutError)
      await eventually(() => expect(stuckAt(device)).toHaveLength(1))
      await disk.fail()
      await eventually(async () => expect(await openExclusively(device, run)).toBe('free'))
      await eventually(() => expect(stuckAt(device)).toEqual([]))
    })
  },
)
