import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../../src/libstorage/run.ts'
import { CommandLine, OPERATIONS } from '../../support/command-line.ts'
import { loopUnavailable } from '../../support/loop-world.ts'

test('ls lists the mounts that the kernel lists, in three columns', async () => {
  const { status, stdout } = await new CommandLine().run('device', 'ls', '--mountPoint', '/proc')
  expect(status).toBe(0)
  const id = /^(\d+) .* \/proc /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1]
  const [heading, row] = stdout.split('\n')
  expect(heading).toMatch(/^ID +Device +MountPoint$/)
  expect(row).toMatch(new RegExp(`^${id} +proc +/proc$`))
})

test('ls takes templates and JSON', async () => {
  const line = new CommandLine()
  const { stdout } = await line.run('device', 'get', '--mountPoint', '/proc', '-f', '{{.FSType}}')
  expect(stdout).toBe('proc\n')
  const json = await line.run('device', 'ls', '--mountPoint', '/proc', '-f', 'json')
  expect(JSON.parse(json.stdout)).toMatchObject([{ mountPoint: '/proc', fsType: 'proc' }])
})

describe.skipIf(loopUnavailable !== undefined)('a device', () => {
  let folder: string
  let device: string
  let line: CommandLine
  const tool = async (command: string, ...args: string[]) =>
    (await run(command, args, { timeoutMs: 20_000 })).stdout.trim()
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'device-'))
    line = new CommandLine()
    line.directories = { ...line.directories, run: path.join(folder, 'run'), lib: folder }
    await tool('truncate', '-s', '64M', path.join(folder, 'disk'))
    device = await tool('losetup', '--find', '--show', path.join(folder, 'disk'))
  })
  afterEach(async () => {
    await tool('umount', '-l', path.join(folder, 'mnt'))
    await tool('losetup', '--detach', device)
    rmSync(folder, { recursive: true, force: true })
  })

  test('that is blank is formatted, mounted and unmounted', async () => {
    const mnt = path.join(folder, 'mnt')
    const done = { status: 0, stderr: '' }
    expect(await line.run('device', 'mount', '--deviceName', device, '--mountPoint', mnt)).toEqual({
      status: 1,
      stdout: '',
      stderr: `remora: ${device} has no file system, make one by device format, where it is blank\n`,
    })
    expect(await line.run('device', 'format', '--devicename', device)).toMatchObject({ status: 0 })
    expect(await line.run('device', 'mount', '--deviceName', device, '--mountPoint', mnt)).toEqual({
      ...done,
      stdout: `${mnt}\n`,
    })
    expect((await line.run('device', 'ls', '-q', '--deviceName', device)).stdout).toContain(mnt)
    expect(await line.run('device', 'unmount', '--mountPoint', mnt)).toEqual({
      ...done,
      stdout: '',
    })
    expect((await line.run('device', 'ls', '-q', '--deviceName', device)).stdout).toBe('')
  })

  test('that holds anything is not formatted, whatever is said', async () => {
    await line.run('device', 'format', '--deviceName', device)
    const before = await tool('blkid', '-p', device)
    for (const flags of [[], ['--overwriteFS'], ['--fsType', 'xfs', '--overwriteFS']]) {
      const again = await line.run('device', 'format', '--deviceName', device, ...flags)
      expect(again).toMatchObject({ status: 1, stdout: '' })
      expect(again.stderr).toContain(`remora: ${device} has`)
    }
    expect(await tool('blkid', '-p', device)).toBe(before)
  })

  test('of an unknown kind of file system is refused before it is looked at', async () => {
    const { stderr } = await line.run(
      'device',
      'format',
      '--deviceName',
      device,
      '--fsType',
      'ntfs',
    )
    expect(stderr).toBe('remora: --fsType ntfs cannot be made, use one of ext4, xfs, btrfs\n')
  })

  test("at a volume's place is left to the commands of volumes", async () => {
    const place = path.join(folder, 'volumes/data')
    for (const args of [['unmount'], ['mount', '--deviceName', device]]) {
      const { status, stderr } = await line.run('device', ...args, '--mountPoint', place)
      expect(status).toBe(1)
      expect(stderr).toContain('where volumes are mounted, use volume mount or unmount')
    }
  })

  test.each([
    ['whose folder is behind a link, by its real path', 'real/data'],
    ['whose folder is behind a link, by the link', 'volumes/data'],
    ['whose folder is behind a link, by another one', 'alias/data'],
    ['of an older version', 'docker/volumes/data'],
    ['of a service with a path of its own', 'fast/data'],
  ])('at the place of a volume %s, is not unmounted', async (_whose, place) => {
    for (const name of ['real/data', 'docker/volumes/data', 'elsewhere/fast/data'])
      mkdirSync(path.join(folder, name), { recursive: true })
    symlinkSync('real', path.join(folder, 'volumes'))
    symlinkSync('real', path.join(folder, 'alias'))
    symlinkSync('elsewhere/fast', path.join(folder, 'fast'))
    const mount = { ...OPERATIONS.mount, path: path.join(folder, 'elsewhere/fast') }
    const operations = { ...OPERATIONS, mount }
    line.config = { services: [{ name: 'fast', driver: 'loop', settings: {}, operations }] }
    const { status, stderr } = await line.run(
      ...['device', 'unmount', '--mountPoint', path.join(folder, place)],
    )
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('where volumes are mounted, use volume mount or unmount'),
    })
  })

  test('that is mounted behind a link is unmounted by the link', async () => {
    symlinkSync('.', path.join(folder, 'here'))
    await line.run('device', 'format', '--deviceName', device)
    const mnt = path.join(folder, 'here/mnt')
    const mounted = await line.run('device', 'mount', '--deviceName', device, '--mountPoint', mnt)
    expect(mounted.stdout).toBe(`${path.join(folder, 'mnt')}\n`)
    expect((await line.run('device', 'unmount', '--mountPoint', mnt)).status).toBe(0)
    expect((await line.run('device', 'ls', '-q', '--deviceName', device)).stdout).toBe('')
  })

  test('that is no mount point cannot be unmounted', async () => {
    const { stderr } = await line.run('device', 'unmount', '--mountPoint', folder)
    expect(stderr).toBe(`remora: ${folder} is no mount point, look at device ls\n`)
  })
})
