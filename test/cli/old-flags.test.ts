import { expect, test } from 'vitest'
import { aVolume } from '../support/a-volume.ts'
import { CommandLine, commandVolumes } from '../support/command-line.ts'

function withVolumes(...names: string[]) {
  const volumes = commandVolumes(...names.map((name) => aVolume({ name })))
  return { volumes, line: new CommandLine(volumes) }
}

const warning = (old: string, today: string) =>
  `remora: ${old} as in REX-Ray 0.3 is now: remora ${today}\n`

test.each([
  ['volume ls --volumename=data', '--volumename', 'volume ls data'],
  ['volume get --VolumeName data', '--VolumeName', 'volume get data'],
  ['volume --volumeid vol-data', '--volumeid', 'volume ls vol-data'],
  ['volume list --ATTACHED', '--ATTACHED', 'volume list --attached'],
  ['volume rm --volumeid=data', '--volumeid', 'volume rm data'],
  ['volume remove --volumeid data --runasync', '--volumeid, --runasync', 'volume remove data'],
  [
    'volume attach --volumeid=data --instanceid=i-here',
    '--volumeid, --instanceid',
    'volume attach --instanceID=i-here data',
  ],
  ['volume umount -i --volumename data', '--volumename', 'volume umount -i data'],
  ['volume create --volumename=new --size 5', '--volumename', 'volume create --size=5 new'],
  ['volume create new --volumetype=io1', '--volumetype', 'volume create new --volumeType=io1'],
  [
    'snapshot create --volumeid=data --snapshotname=s --description x',
    '--volumeid, --snapshotname, --description',
    'snapshot create --snapshotName=s data',
  ],
  ['-s ebs volume ls --Format json', '--Format', '-s ebs volume ls --format=json'],
])('%s does what it did, and says how it is said now', async (said, old, today) => {
  const { line } = withVolumes('data')
  const ran = await line.run(...said.split(' '))
  expect(ran).toMatchObject({ status: 0, stderr: warning(old, today) })
  const again = withVolumes('data')
  const modern = await again.line.run(...today.split(' '))
  expect(modern).toEqual({ ...ran, stderr: '' })
})

test('a mount by a flag of 0.3 prints the path alone, as it did', async () => {
  const { line } = withVolumes('data')
  expect(await line.run('volume', 'mount', '--volumename=data')).toEqual({
    status: 0,
    stdout: '/mnt/data/data\n',
    stderr: warning('--volumename', 'volume mount data'),
  })
  expect((await line.run('volume', 'path', '--volumename=data')).stdout).toBe('/mnt/data/data\n')
})

test('a mount in a form that is asked for is printed in that', async () => {
  const { line } = withVolumes('data')
  const { stdout } = await line.run('volume', 'mount', '--volumename=data', '-f', 'json')
  expect(JSON.parse(stdout)).toMatchObject([{ name: 'data', Path: '/mnt/data/data' }])
})

test('beside a name, create copies what --volumeName names', async () => {
  const { volumes, line } = withVolumes('data')
  expect(await line.run('volume', 'create', 'copy', '--volumeName', 'data')).toMatchObject({
    status: 0,
    stderr: '',
  })
  expect(volumes.optionsOf('copy')).toEqual({ volumename: 'data' })
  await line.run('volume', 'create', '--volumename', 'data', 'second')
  expect(volumes.optionsOf('second')).toEqual({ volumename: 'data' })
})

test('a machine that is not this one is refused before anything is done', async () => {
  const { line } = withVolumes('data')
  const { status, stderr } = await line.run('volume', 'attach', 'data', '--instanceID', 'i-other')
  expect(status).toBe(1)
  expect(stderr).toContain('flag --instanceID i-other names another machine than this one, i-here')
})

test('a flag that nobody ever had is an error, and what stands behind -- stays', async () => {
  const { line } = withVolumes('--volumename=x')
  expect((await line.run('volume', 'ls', '--volumenam', 'x')).status).toBe(1)
  expect(await line.run('volume', 'rm', '--', '--volumename=x')).toEqual({
    status: 0,
    stdout: '--volumename=x\n',
    stderr: '',
  })
})
