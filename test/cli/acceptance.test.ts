import { expect, test } from 'vitest'
import { anAttachment, aVolume } from '../support/a-volume.ts'
import { CommandLine, commandVolumes } from '../support/command-line.ts'

/** The list of checks that a successor of REX-Ray's passes; those of the command line, by their numbers. */
function line() {
  const attachments = [anAttachment('vfs-000', { deviceName: '/dev/xvda' })]
  const volume = aVolume({ name: 'vol-a', id: 'vfs-000', sizeGiB: 5, state: 'in-use', attachments })
  return new CommandLine(commandVolumes(volume))
}

test('check 7: the table of volume ls is that of REX-Ray, byte by byte', async () => {
  const { stdout } = await line().run('volume', 'ls')
  expect(stdout).toBe('ID       Name   Status    Size\nvfs-000  vol-a  attached  5\n')
  expect((await line().run('volume', 'ls', '-q')).stdout).toBe('vfs-000  vol-a  attached  5\n')
})

test('check 7: its JSON is that of REX-Ray, byte by byte, compact and indented', async () => {
  const compact =
    '[{"attachments":[{"deviceName":"/dev/xvda","instanceID":{"id":"i-here","driver":"ebs","service":"ebs"},' +
    '"status":"attached","volumeID":"vfs-000"}],"attachmentState":2,"name":"vol-a","size":5,' +
    '"status":"in-use","id":"vfs-000","type":"","Path":""}]'
  expect((await line().run('volume', 'ls', '--path', '-f', 'json')).stdout).toBe(compact)
  const indented = JSON.stringify(JSON.parse(compact), null, 2)
  expect((await line().run('volume', 'ls', '--path', '-f', 'jsonp')).stdout).toBe(indented)
})

test('check 7: -f yaml is YAML with the fields of the JSON', async () => {
  const { parse } = await import('yaml')
  const { stdout } = await line().run('volume', 'ls', '-f', 'yaml')
  const json = (await line().run('volume', 'ls', '-f', 'json')).stdout
  expect(parse(stdout)).toEqual(JSON.parse(json))
})

test('check 6: a volume that another machine has is refused by a sentence that names it, with status 1', async () => {
  const attachments = [anAttachment('vol-x', { instanceId: 'i-there' })]
  const volumes = commandVolumes(aVolume({ name: 'x', id: 'vol-x', attachments }))
  const ran = await new CommandLine(volumes).run('volume', 'mount', 'x')
  expect(ran).toMatchObject({ status: 1, stdout: '' })
  expect(ran.stderr).toContain('i-there')
})
