import { expect, test } from 'vitest'
import { anAttachment, aVolume } from '../../support/a-volume.ts'
import { CommandLine, commandVolumes } from '../../support/command-line.ts'

const several = [
  aVolume({
    name: 'pg',
    id: 'vol-0a1',
    sizeGiB: 100,
    state: 'in-use',
    zone: 'eu-west-1a',
    type: 'gp3',
    iops: 3000,
    encrypted: true,
    labels: { 'remora/fstype': 'xfs' },
    attachments: [anAttachment('vol-0a1', { deviceName: '/dev/xvdf' })],
  }),
  aVolume({
    name: 'elsewhere',
    id: 'vol-0b2',
    state: 'in-use',
    attachments: [anAttachment('vol-0b2', { instanceId: 'i-other' })],
  }),
  aVolume({ name: 'making', id: 'vol-0c3', state: 'creating' }),
  aVolume({ name: 'Alpha', id: 'vol-0d4', sizeGiB: 7 }),
]

function ls(...args: string[]) {
  return new CommandLine(commandVolumes(...several)).run('volume', 'ls', ...args)
}

test('prints the table that REX-Ray prints', async () => {
  const volumes = commandVolumes(aVolume({ name: 'vol-a', id: 'vfs-000', sizeGiB: 5 }))

  expect(await new CommandLine(volumes).run('volume', 'ls')).toEqual({
    status: 0,
    stdout: 'ID       Name   Status     Size\nvfs-000  vol-a  available  5\n',
    stderr: '',
  })
})

test('prints the compact JSON that REX-Ray prints, without a newline', async () => {
  const attachments = [anAttachment('vfs-000', { deviceName: '/dev/xvda' })]
  const volume = aVolume({ name: 'vol-a', id: 'vfs-000', sizeGiB: 5, state: 'in-use', attachments })
  const { stdout } = await new CommandLine(commandVolumes(volume)).run(
    ...['volume', 'ls', '-f', 'json', '--path'],
  )

  expect(stdout).toBe(
    '[{"attachments":[{"deviceName":"/dev/xvda","instanceID":{"id":"i-here","driver":"ebs","service":"ebs"},' +
      '"status":"attached","volumeID":"vfs-000"}],"attachmentState":2,"name":"vol-a","size":5,' +
      '"status":"in-use","id":"vfs-000","type":"","Path":""}]',
  )
})

test.each([
  ['volume-ls.txt', []],
  ['volume-ls-path.txt', ['--path']],
  ['volume-ls-quiet.txt', ['-q']],
  ['volume-ls.json.txt', ['-f', 'json']],
  ['volume-ls.jsonp.txt', ['--format', 'jsonp']],
  ['volume-ls-none.txt', ['nothing']],
  ['volume-ls-none.json.txt', ['nothing', '-f', 'json']],
])('prints %s byte by byte', async (file, args) => {
  await expect((await ls(...args)).stdout).toMatchFileSnapshot(`../golden/${file}`)
})

test.each([
  { args: ['pg'], names: ['pg'] },
  { args: ['PG'], names: ['pg'] },
  { args: ['vol-0a1', 'alp'], names: ['Alpha', 'pg'] },
  { args: ['/^(pg|mak)/'], names: ['making', 'pg'] },
  { args: ['/0[cd]/'], names: ['Alpha', 'making'] },
  { args: ['--attached'], names: ['pg'] },
  { args: ['--available'], names: ['Alpha'] },
  { args: ['--available', '--attached'], names: ['Alpha', 'pg'] },
  { args: ['--available', 'pg'], names: [] },
])('lists with $args only $names', async ({ args, names }) => {
  const { stdout } = await ls('-f', 'json', ...args)

  expect(JSON.parse(stdout).map(({ name }: { name: string }) => name)).toEqual(names)
})

test('a pattern that is none is an error that says so', async () => {
  const { status, stderr } = await ls('/(/')

  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'remora: /(/ is not a regular expression, correct it, or give names\n',
  })
})

test.each(['l', 'list', 'get', 'inspect'])('%s is another name for it', async (alias) => {
  const line = new CommandLine(commandVolumes(...several))

  expect((await line.run('volume', alias)).stdout).toBe((await ls()).stdout)
})
