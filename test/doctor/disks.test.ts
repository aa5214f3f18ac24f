import { copyFileSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { anAttachment, aVolume } from '../support/a-volume.ts'
import { type Broken, DoctorWorld } from '../support/doctor-world.ts'
import { eventually } from '../support/eventually.ts'
import { loopUnavailable } from '../support/loop-world.ts'

let world: DoctorWorld
beforeEach(() => {
  world = new DoctorWorld()
})
afterEach(() => world.end())

const isRoot = loopUnavailable === undefined
const SINCE = '2024-05-06T07:08:09.000Z'
const HOLDER = [{ id: 'a1b2c3d4e5f6a7b8', count: 1, undelivered: 0, since: SINCE }]

describe.skipIf(!isRoot)('a volume that was attached by hand, and is not mounted (root)', () => {
  const idle = async () => {
    world.useCloud()
    world.volumes.push(aVolume({ name: 'pg', attachments: [anAttachment('vol-pg')] }))
    return (await world.lines()).filter((line) => line.startsWith('warn volumes.attached'))
  }
  beforeEach(async () => {
    const image = path.join(world.home, 'pg.img')
    await world.sh(`truncate -s 32M ${image}`)
    world.device = await world.sh(`losetup --find --show ${image}`)
    world.later(() => world.sh(`losetup -d ${world.device}`))
  })

  test('is said to be idle where nothing uses its disk', async () => {
    expect(await idle()).toEqual([expect.stringContaining('and not mounted')])
  })

  test('is in use where it is swapped on', async () => {
    await world.sh(`chmod 600 ${world.device}; mkswap -q ${world.device}; swapon ${world.device}`)
    world.later(() => world.sh(`swapoff ${world.device}`))
    expect(await idle()).toEqual([])
  })

  test('is in use where a process has its disk open, such as a database on a raw device', async () => {
    const user = world.start('sh', ['-c', `exec 3<${world.device}; echo in; exec sleep 600`])
    await new Promise((resolve) => user.stdout?.once('data', resolve))
    expect(await idle()).toEqual([])
  })
})

describe.skipIf(!isRoot)(
  'what is wrong with disks and mounts is named in the first line that is (root)',
  () => {
    const disks: readonly Broken[] = [
      {
        what: 'a disk of the folders that is full',
        breakIt: () => world.mountMemory('var', 'size=1M'),
        line: /^fail machine.space: the folder for state, .* is full: [01] MiB free/,
      },
      {
        what: 'a disk of the folders that is nearly full',
        breakIt: () => world.mountMemory('var', 'size=100M'),
        line: /^warn machine.space: the folder for state, .* has \d+ MiB free/,
      },
      {
        what: 'a disk of the folders without room for files',
        breakIt: () => world.mountMemory('var', 'nr_inodes=20'),
        line: /^fail machine.space: the folder for state, .* is full: .* room for \d+ more files/,
      },
      {
        what: 'a disk of the folders that is read-only',
        breakIt: () => world.mountMemory('var', 'ro'),
        line: /^fail machine.space: the folder for state, .* cannot be written by this user/,
      },
      {
        what: 'a pool without room',
        breakIt: async () => {
          world.configure(
            'libstorage:\n  service: vfs\nvfs:\n  pool: $HOME_/pool\n'.replace(
              '$HOME_',
              world.home,
            ),
          )
          await world.mountMemory('pool', 'size=8M')
        },
        line: /^fail vfs.pool: pool .* has 8 MiB free/,
      },
      {
        what: 'a mount among ours that nobody knows',
        breakIt: async () => {
          world.useCloud()
          await world.mountDisk('stranger')
        },
        line: /^warn volumes.mounted: \/dev\/loop\d+ is mounted at .*\/stranger, and no record knows of it/,
      },
      {
        what: 'a volume that was adopted',
        breakIt: () => mounted('pg', {}, { adopted: true }),
        line: /^warn volumes.mounted: volume "pg" \(vol-pg\) was found mounted and is adopted/,
      },
      {
        what: 'a mount whose device is another one by now',
        breakIt: () => mounted('pg', {}, { references: HOLDER }, 'diskseq 1'),
        line: /^fail volumes.mounted: volume "pg" \(vol-pg\) has lost its device \/dev\/loop\d+/,
      },
      {
        what: 'a file system that is full',
        breakIt: async () => {
          await mounted('pg', {}, { references: HOLDER })
          await world.sh(`head -c 64M /dev/zero > ${world.mountFolder}/pg/full || true`)
        },
        line: /^fail volumes.file-systems: volume "pg" \(vol-pg\) is (98|99|100) % full/,
      },
      {
        what: 'a file system that has noted errors',
        breakIt: async () => {
          const prepare = 'debugfs -w -R "set_super_value error_count 3" $IMAGE'
          await mounted('pg', { prepare }, { references: HOLDER })
        },
        line: /^fail volumes.file-systems: volume "pg" \(vol-pg\) has noted 3 errors of its file system/,
      },
      {
        what: 'a file system that an error has made read-only',
        breakIt: async () => {
          const device = await mounted(
            'pg',
            { options: 'errors=remount-ro' },
            { references: HOLDER },
          )
          await world.sh(`echo broken > /sys/fs/ext4/${path.basename(device)}/trigger_fs_error`)
        },
        line: /^fail volumes.file-systems: volume "pg" \(vol-pg\) has turned itself read-only after an error/,
      },
      {
        what: 'an engine that does not get our mounts',
        breakIt: async () => {
          await engineElsewhere(world.write('rexray.spec', `unix://${world.socket}\n`))
        },
        line: /^fail machine.engine: dockerd \(pid \d+\) has a mount namespace of its own.* containers get empty folders/,
      },
      {
        what: 'an engine whose disk hangs',
        breakIt: async () => {
          const spec = path.join(world.home, 'rexray.spec')
          await world.sh(`mkfifo ${spec}`)
          await engineElsewhere(spec)
        },
        line: /^fail machine.engine: what dockerd \(pid \d+\) has at .*rexray\.spec does not answer/,
      },
    ]

    test.each(disks)('$what', async ({ breakIt, line }) => {
      await breakIt()

      expect(await world.firstWrong()).toMatch(line)
    })

    /** An engine that does not get our mounts, and looks for our socket by this file. */
    async function engineElsewhere(spec: string): Promise<void> {
      const module = `rexray:\n  modules:\n    default-docker:\n      spec: ${spec}\n`
      world.configure(`libstorage:\n  service: cloud\n${module}`)
      const program = path.join(world.home, 'dockerd')
      copyFileSync('/bin/sleep', program)
      await world.sh(`chmod 755 ${program}`)
      const engine = world.start('unshare', ['-m', '--propagation', 'private', program, '600'])
      await eventually(() => expect(nameOf(engine.pid)).toBe('dockerd'))
    }

    async function mounted(
      name: string,
      disk: Parameters<DoctorWorld['mountDisk']>[1],
      facts: Parameters<DoctorWorld['record']>[1],
      identity?: string,
    ): Promise<string> {
      world.useCloud()
      const device = await world.mountDisk(name, disk)
      const mountPoint = path.join(world.mountFolder, name)
      const mount = { mountPoint, device, since: SINCE, complete: true }
      world.record(name, {
        mount: { ...mount, ...(identity !== undefined && { identity }) },
        ...facts,
      })
      return device
    }
  },
)

function nameOf(pid: number | undefined): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
}
