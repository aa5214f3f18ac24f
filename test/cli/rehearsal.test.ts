import { expect, test } from 'vitest'
import { anAttachment, aVolume } from '../support/a-volume.ts'
import { CommandLine, commandVolumes } from '../support/command-line.ts'

function world() {
  const attachments = [anAttachment('vol-there', { instanceId: 'i-there' })]
  const volumes = commandVolumes(
    aVolume({ name: 'data', sizeGiB: 5 }),
    aVolume({ name: 'there', attachments, state: 'in-use' }),
  )
  const line = new CommandLine(volumes)
  const dry = (...args: string[]) => line.run(...args, '--dryRun')
  return { volumes, dry, line }
}

test.each([
  [
    ['volume', 'create', 'a', 'b', '--size', '3'],
    'ID  Name  Status     Size\n    a     available  3\n    b     available  3\n',
  ],
  [
    ['volume', 'create', 'a', '--mount'],
    'ID  Name  Status    Size  Path\n    a     attached  16    /var/lib/rexray/volumes/a/data\n',
  ],
  [['volume', 'rm', 'data'], 'data\n'],
  [
    ['volume', 'resize', 'data', '--size', '9'],
    'ID        Name  Status     Size\nvol-data  data  available  9\n',
  ],
  [['volume', 'attach', 'data'], 'ID        Name  Status    Size\nvol-data  data  attached  5\n'],
  [
    ['volume', 'attach', '--force', 'there'],
    'ID         Name   Status    Size\nvol-there  there  attached  1\n',
  ],
  [
    ['volume', 'mount', 'data'],
    'ID        Name  Status    Size  Path\nvol-data  data  attached  5     /var/lib/rexray/volumes/data/data\n',
  ],
  [
    ['volume', 'detach', '-i', 'data'],
    'ID        Name  Status     Size\nvol-data  data  available  5\n',
  ],
  [
    ['volume', 'unmount', '-i', 'data'],
    'ID        Name  Status     Size\nvol-data  data  available  5\n',
  ],
  [
    ['snapshot', 'create', 'data', '--snapshotName', 's'],
    'ID  Name  Status   VolumeID\n    s     pending  vol-data\n',
  ],
])('%j prints what would be', async (args, stdout) => {
  const { volumes, dry } = world()
  const before = await volumes.list()
  expect(await dry(...args)).toEqual({ status: 0, stdout, stderr: '' })
  expect(await volumes.list()).toEqual(before)
  expect(await volumes.snapshots()).toEqual([])
})

test.each([
  [
    ['volume', 'create', 'data'],
    'volume "data" already exists as data (vol-data), choose another name',
  ],
  [['volume', 'create', '.'], 'volume "." cannot be created'],
  [['volume', 'create', 'a', '--size', 'big'], 'option size must be a whole number'],
  [['volume', 'rm', 'data', 'data'], 'volume "data" not found'],
  [['volume', 'rm', 'there'], 'volume "there" is attached to i-there'],
  [
    ['volume', 'resize', 'data', '--size', '4'],
    'volume "data" has 5 GiB and cannot be made smaller',
  ],
  [
    ['volume', 'mount', 'there'],
    'volume "there" is attached to i-there, detach it there, or use --force',
  ],
  [['volume', 'unmount', 'data'], 'volume "data" is not mounted here'],
  [['volume', 'detach', 'data'], 'volume "data" is not attached here'],
  [['snapshot', 'rm', 'none'], 'snapshot "none" not found'],
  [['snapshot', 'copy', 'none'], 'snapshot "none" not found'],
])('%j is refused as it would be', async (args, sentence) => {
  const { dry } = world()
  const { status, stderr } = await dry(...args)
  expect(status).toBe(1)
  expect(stderr).toContain(sentence)
})

test('what a container holds is refused, and named', async () => {
  const { volumes, dry, line } = world()
  await volumes.mount({ name: 'data', holder: 'abc' })
  for (const verb of ['unmount', 'detach', 'rm']) {
    expect((await dry('volume', verb, 'data')).stderr).toContain('is in use by mount id abc')
  }
  await volumes.unmount({ name: 'data', holder: 'abc' })
  await line.run('volume', 'mount', 'data')
  expect((await dry('volume', 'unmount', 'data')).stdout).toContain('available')
  expect((await volumes.get('data')).mount?.holders).toEqual(['cli'])
})
