import { expect, test } from 'vitest'
import { anAttachment, aVolume } from '../../support/a-volume.ts'
import { CommandLine, commandVolumes } from '../../support/command-line.ts'
import type { InMemoryVolumes } from '../../support/in-memory-volumes.ts'

function withVolumes(...names: string[]) {
  const volumes = commandVolumes(...names.map((name) => aVolume({ name })))
  const line = new CommandLine(volumes)
  return { volumes, volume: (...args: string[]) => line.run('volume', ...args) }
}

async function namesOf(volumes: InMemoryVolumes): Promise<string[]> {
  return (await volumes.list()).map(({ volume }) => volume.name)
}

test('create prints what it created, and passes the flags on as options', async () => {
  const { volumes, volume } = withVolumes()
  const flags = ['--size', '5', '--volumeType=io1', '--encrypted', '--fsType', 'xfs', '-o', 'uid=1']

  expect(await volume('create', 'data', ...flags, '--opt', 'mountopts=a=b')).toEqual({
    status: 0,
    stdout: 'ID        Name  Status     Size\nvol-data  data  available  5\n',
    stderr: '',
  })
  expect(volumes.optionsOf('data')).toEqual({
    size: '5',
    volumetype: 'io1',
    encrypted: 'true',
    fstype: 'xfs',
    uid: '1',
    mountopts: 'a=b',
  })
})

test('create says that a name exists already, and stops there', async () => {
  const { volumes, volume } = withVolumes('old')

  expect(await volume('create', 'new', 'old', 'never')).toEqual({
    status: 1,
    stdout: 'ID       Name  Status     Size\nvol-new  new   available  16\n',
    stderr: 'remora: volume "old" already exists as old (vol-old), choose another name\n',
  })
  expect(await namesOf(volumes)).toEqual(['old', 'new'])
})

test('create goes on after a failure where it is told to, and still fails', async () => {
  const { volumes, volume } = withVolumes('old')
  const { status, stdout } = await volume('create', 'old', 'new', '-f', 'json', '--continueOnError')

  expect(status).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject([{ name: 'new' }])
  expect(await namesOf(volumes)).toEqual(['old', 'new'])
})

test('rm prints each name as it is gone, and stops at the first that fails', async () => {
  const { volumes, volume } = withVolumes('a', 'b')

  expect(await volume('rm', 'a', 'missing', 'b')).toEqual({
    status: 1,
    stdout: 'a\n',
    stderr: 'remora: volume "missing" not found\n',
  })
  expect(await namesOf(volumes)).toEqual(['b'])
})

test('rm goes on with --continueOnError', async () => {
  const { volume } = withVolumes('a', 'b')

  expect(await volume('rm', '--continueOnError', 'a', 'missing', 'b')).toEqual({
    status: 1,
    stdout: 'a\nb\n',
    stderr: 'remora: volume "missing" not found\n',
  })
})

test('mount prints the path and holds the volume as cli', async () => {
  const { volumes, volume } = withVolumes('data')

  expect(await volume('mount', 'data')).toEqual({
    status: 0,
    stdout:
      'ID        Name  Status    Size  Path\nvol-data  data  attached  1     /mnt/data/data\n',
    stderr: '',
  })
  expect((await volumes.get('data')).mount?.holders).toEqual(['cli'])
  expect(volumes.told).toEqual({ delivered: 1, undelivered: 0 })
})

test('path prints the directory of a mounted volume and nothing else', async () => {
  const { volume } = withVolumes('data', 'idle')
  await volume('mount', 'data')

  expect(await volume('path', 'data', 'idle')).toEqual({
    status: 1,
    stdout: '/mnt/data/data\n',
    stderr: 'remora: volume "idle" is not mounted here, mount it first\n',
  })
})

test('unmount lets go of the volume and prints it', async () => {
  const { volumes, volume } = withVolumes('data')
  await volume('mount', 'data')

  expect(await volume('unmount', 'data')).toEqual({
    status: 0,
    stdout: 'ID        Name  Status     Size\nvol-data  data  available  1\n',
    stderr: '',
  })
  expect((await volumes.get('data')).mount).toBeUndefined()
})

test('unmount of what is not mounted is an error, or a success where that is accepted', async () => {
  const { volume } = withVolumes('data')

  expect(await volume('umount', 'data')).toEqual({
    status: 1,
    stdout: '',
    stderr: 'remora: volume "data" is not mounted here, accept that by -i\n',
  })
  expect(await volume('umount', '-i', 'data')).toEqual({
    status: 0,
    stdout: 'ID        Name  Status     Size\nvol-data  data  available  1\n',
    stderr: '',
  })
})

test('unmount is refused while a container holds the volume, and names it', async () => {
  const { volumes, volume } = withVolumes('data')
  await volume('mount', 'data')
  await volumes.mount({ name: 'data', holder: 'abc123' })

  expect(await volume('unmount', 'data')).toEqual({
    status: 1,
    stdout: '',
    stderr: 'remora: volume "data" is in use by mount id abc123, stop what uses it and try again\n',
  })
  expect((await volumes.get('data')).mount?.holders).toEqual(['cli', 'abc123'])
})

test('attach prints the volume without a path, and detach prints it as it was', async () => {
  const { volumes, volume } = withVolumes('data')

  expect(await volume('attach', '-i', 'data')).toEqual({
    status: 0,
    stdout: 'ID        Name  Status    Size\nvol-data  data  attached  1\n',
    stderr: '',
  })
  expect((await volumes.get('data')).mount).toBeUndefined()
  expect(await volume('d', 'data')).toEqual({
    status: 0,
    stdout: 'ID        Name  Status     Size\nvol-data  data  available  1\n',
    stderr: '',
  })
})

test('detach is refused while somebody uses the volume, and names who', async () => {
  const { volume } = withVolumes('data')
  await volume('mount', 'data')

  expect(await volume('detach', 'data')).toEqual({
    status: 1,
    stdout: '',
    stderr:
      'remora: volume "data" is in use by the command line, stop what uses it and try again\n',
  })
})

test('detach of what is not attached here is an error, or a success where that is accepted', async () => {
  const { volume } = withVolumes('data')

  expect((await volume('detach', 'data')).stderr).toBe(
    'remora: volume "data" is not attached here\n',
  )
  expect(await volume('detach', '-i', 'data')).toEqual({
    status: 0,
    stdout: 'ID        Name  Status     Size\nvol-data  data  available  1\n',
    stderr: '',
  })
})

test.each(['attach', 'mount'])(
  '%s takes a volume from another machine only with --force',
  async (verb) => {
    const elsewhere = anAttachment('vol-data', { instanceId: 'i-there' })
    const volumes = commandVolumes(aVolume({ name: 'data', attachments: [elsewhere] }))
    const line = new CommandLine(volumes)

    expect(await line.run('volume', verb, 'data')).toMatchObject({
      status: 1,
      stderr: 'remora: volume "data" is attached to i-there\n',
    })
    expect(await line.run('volume', verb, '--force', 'data')).toMatchObject({ status: 0 })
    expect((await volumes.get('data')).volume.attachments).toMatchObject([{ instanceId: 'i-here' }])
  },
)

test('an interruption ends a command with the status of one, also under --continueOnError', async () => {
  const volumes = commandVolumes(aVolume({ name: 'a' }), aVolume({ name: 'b' }))
  const line = new CommandLine(volumes)
  const mount = volumes.mount.bind(volumes)
  volumes.mount = (request, call) => {
    line.signals.emit('SIGINT')
    return mount(request, call)
  }

  expect(await line.run('volume', 'mount', 'a', 'b', '--continueOnError')).toEqual({
    status: 130,
    stdout: '',
    stderr: 'remora: the command was interrupted\n',
  })
  expect(line.steps).toEqual(['open command', 'close'])
  expect(line.signals.eventNames()).toEqual([])
})

test('create passes on what the volume is to be a copy of', async () => {
  const { volumes, volume } = withVolumes()
  await volume('create', 'a', '--snapshotID', 'snap-1')
  await volume('create', 'b', '--snapshotName', 'x')
  await volume('create', 'c', '--volumeID', 'vol-1')
  await volume('create', 'd', '--volumeName=y', '-o', 'size=2')
  expect(['a', 'b', 'c', 'd'].map((name) => volumes.optionsOf(name))).toEqual([
    { snapshotid: 'snap-1' },
    { snapshotname: 'x' },
    { volumeid: 'vol-1' },
    { volumename: 'y', size: '2' },
  ])
})

test.each([[['--size', '5']], [['-o', 'size=5g']], [['--opt', 'Size=5 GiB']]])(
  'resize %j makes a volume larger and prints it',
  async (flags) => {
    const { volume } = withVolumes('data')
    expect(await volume('resize', 'data', ...flags)).toEqual({
      status: 0,
      stdout: 'ID        Name  Status     Size\nvol-data  data  available  5\n',
      stderr: '',
    })
  },
)

test.each([
  [[], 'option size is missing, say how many GiB the volume shall have'],
  [['-o', 'type=io1'], 'option type cannot be changed, say size only'],
  [
    ['--size', 'big'],
    'option size must be a whole number of GiB from 1 to 65536, not "big", say 16 for 16 GiB',
  ],
])('resize %j is refused', async (flags, sentence) => {
  const { volume } = withVolumes('data')
  const { status, stderr } = await volume('resize', 'data', ...flags)
  expect([status, stderr]).toEqual([1, `remora: ${sentence}\n`])
})

test('resize says why a file system was not grown, and that the volume was', async () => {
  const { volumes, volume } = withVolumes('data')
  const resize = volumes.resize.bind(volumes)
  volumes.resize = async (name, sizeGiB) => ({
    ...(await resize(name, sizeGiB)),
    lastError: 'it was not grown',
  })
  expect(await volume('resize', 'data', '--size', '2', '-q')).toEqual({
    status: 0,
    stdout: 'vol-data  data  available  2\n',
    stderr: 'remora: it was not grown\n',
  })
})

test('create may attach and mount what it made', async () => {
  const { volume } = withVolumes()
  expect((await volume('create', 'a', '--attach')).stdout).toBe(
    'ID     Name  Status    Size\nvol-a  a     attached  16\n',
  )
  expect((await volume('create', 'b', '--amount')).stdout).toBe(
    'ID     Name  Status    Size  Path\nvol-b  b     attached  16    /mnt/b/data\n',
  )
})
