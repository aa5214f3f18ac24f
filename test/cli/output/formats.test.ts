import { expect, test } from 'vitest'
import { anAttachment, aVolume } from '../../support/a-volume.ts'
import { CommandLine, commandVolumes } from '../../support/command-line.ts'

function line() {
  const attachments = [anAttachment('vol-b', { deviceName: '/dev/xvdf' })]
  const labels = { 'remora/fstype': 'xfs' }
  return new CommandLine(
    commandVolumes(
      aVolume({ name: 'b', sizeGiB: 20, state: 'in-use', attachments, zone: 'eu-west-1a', labels }),
      aVolume({ name: 'longer', encrypted: true, iops: 3_000 }),
    ),
  )
}

test.each([
  ['volume-ls.yaml', ['volume', 'ls', '-f', 'yaml']],
  ['volume-ls-path.yaml', ['volume', 'ls', '-f', 'YML', '--path']],
  ['volume-ls-rows', ['volume', 'ls', '-f', '{{.ID}}\\t{{.Name}}\\t{{.Size}}']],
  [
    'volume-ls-template',
    [
      ...['volume', 'ls', '--template'],
      'Name\\tStatus\\tOn\\n{{range sort .D "Name" "desc"}}{{.Name}}\\t{{. | printAttState}}\\t{{range .Attachments}}{{.DeviceName}} of {{.InstanceID.ID}}{{else}}nothing{{end}}\\n{{end}}',
    ],
  ],
  ['volume-ls-none.yaml', ['volume', 'ls', 'nothing', '-f', 'yaml']],
])('prints %s byte by byte', async (name, args) => {
  const { status, stdout, stderr } = await line().run(...args)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  await expect(stdout).toMatchFileSnapshot(`../golden/${name}.txt`)
})

test.each([
  ['{{.Name}}', 'b\nlonger\n'],
  [
    '{{.Name}}={{.AvailabilityZone}},{{.Encrypted}},{{.IOPS}}',
    'b=eu-west-1a,false,0\nlonger=,true,3000\n',
  ],
  ['{{if .Attachments}}{{(index .Attachments 0).VolumeID}}{{else}}-{{end}}', 'vol-b\n-\n'],
  ['{{index .Fields "remora/fstype"}}', 'xfs\n<no value>\n'],
  [
    '{{len .Attachments}} {{volumeStatus .}} {{printAttState .AttachmentState}}',
    '1 attached attached\n0 available available\n',
  ],
  ['{{.NetworkName}}{{.Type}}{{.Path}}{{.Status}}', 'in-use\navailable\n'],
  ['{{json .Name}}', '"b"\n"longer"\n'],
])('-f %j prints a line for each', async (format, stdout) => {
  expect(await line().run('volume', 'ls', '-f', format)).toEqual({ status: 0, stdout, stderr: '' })
})

test('tmpl without a template is the table, and a template goes with it', async () => {
  const table = await line().run('volume', 'ls')
  expect(await line().run('volume', 'ls', '-f', 'tmpl')).toEqual(table)
  const args = ['volume', 'ls', '-f', 'tmpl', '--template', '{{len .D}}']
  expect((await line().run(...args)).stdout).toBe('2')
})

test('tabs stay where they are not to be columns', async () => {
  const args = ['volume', 'ls', '-f', '{{.Name}}\\t.', '--templateTabs=false']
  expect((await line().run(...args)).stdout).toBe('b\t.\nlonger\t.\n')
})

test.each([
  ['{{.Name', 'template line 1, column 1: {{ is never closed, close it with }}'],
  ['{{.Nmae}}', 'template line 1, column 3: .Nmae is no field of a volume, did you mean .Name'],
  ['\\n{{.Attachments.ID}}', 'template line 1, column 17: list has no fields, so no .ID'],
])('with the template %j nothing is done', async (format, sentence) => {
  const volumes = commandVolumes(aVolume({ name: 'data' }))
  const created = await new CommandLine(volumes).run('volume', 'create', 'x', '-f', format)
  expect(created.status).toBe(1)
  expect(created.stderr).toBe(`remora: ${sentence}\n`)
  expect(volumes.names()).not.toContain('x')
})

test('a template that cannot be read is refused before anything is opened, also where nothing uses it', async () => {
  const command = line()
  const { status, stderr } = await command.run('volume', 'rm', 'b', '-f', '{{if}}')
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'remora: template line 1, column 1: a value is missing\n',
  })
  expect(command.steps).toEqual([])
})

test('an unknown format is refused before anything is opened', async () => {
  const command = line()
  const { status, stderr } = await command.run('volume', 'rm', 'b', '-f', 'xml')
  expect(status).toBe(1)
  expect(stderr).toContain("argument 'xml' is invalid. It is one of table, json, jsonp, yaml, tmpl")
  expect(command.steps).toEqual([])
})
