import { expect, test } from 'vitest'
import { aVolume } from '../../support/a-volume.ts'
import { CommandLine, commandVolumes } from '../../support/command-line.ts'

function withVolumes(...names: string[]) {
  const volumes = commandVolumes(...names.map((name) => aVolume({ name })))
  const line = new CommandLine(volumes)
  return { volumes, snapshot: (...args: string[]) => line.run('snapshot', ...args) }
}

async function withThree() {
  const { volumes, snapshot } = withVolumes('data', 'logs')
  await volumes.createSnapshot('logs', 'nightly')
  await volumes.createSnapshot('data', 'nightly')
  await volumes.createSnapshot('data', '')
  return { volumes, snapshot }
}

test.each([
  ['snapshot-ls', []],
  ['snapshot-ls-quiet', ['-q']],
  ['snapshot-ls.json', ['-f', 'json']],
  ['snapshot-ls.jsonp', ['--format', 'jsonp']],
])('prints %s byte by byte', async (name, flags) => {
  const { snapshot } = await withThree()
  const { status, stdout, stderr } = await snapshot('ls', ...flags)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  await expect(stdout).toMatchFileSnapshot(`../golden/${name}.txt`)
})

test('ls prints those with an id or a name that is asked for', async () => {
  const { snapshot } = await withThree()
  expect((await snapshot('ls', '-q', 'nightly')).stdout).toBe(
    'snap-2  nightly  complete  vol-data\nsnap-1  nightly  complete  vol-logs\n',
  )
  expect((await snapshot('ls', '-q', 'snap-3', 'nothing')).stdout).toBe(
    'snap-3    complete  vol-data\n',
  )
})

test('create takes a snapshot and prints it', async () => {
  const { snapshot } = withVolumes('data')
  expect(await snapshot('create', 'data', '--snapshotName', 'before')).toEqual({
    status: 0,
    stdout: 'ID      Name    Status    VolumeID\nsnap-1  before  complete  vol-data\n',
    stderr: '',
  })
})

test('copy makes another of the same name, or of the name that is asked for', async () => {
  const { snapshot } = await withThree()
  const row = (id: string, name: string) => `${id}  ${name}  complete  vol-logs\n`
  expect((await snapshot('copy', 'snap-1', '-q')).stdout).toBe(row('snap-4', 'nightly'))
  const named = await snapshot('copy', 'snap-1', '--destinationSnapshotName', 'keep', '-q')
  expect(named.stdout).toBe(row('snap-5', 'keep'))
})

test('create of a volume that is not there is an error', async () => {
  const { snapshot } = withVolumes()
  expect(await snapshot('create', 'data')).toEqual({
    status: 1,
    stdout: '',
    stderr: 'remora: volume "data" not found\n',
  })
})

test('rm prints each as it is gone, and goes on after a failure where it is told to', async () => {
  const { volumes, snapshot } = await withThree()
  expect(await snapshot('rm', 'snap-3', 'x', 'snap-1', '--continueOnError')).toEqual({
    status: 1,
    stdout: 'snap-3\nsnap-1\n',
    stderr: 'remora: snapshot "x" not found\n',
  })
  expect(await volumes.snapshots()).toMatchObject([{ id: 'snap-2' }])
})
