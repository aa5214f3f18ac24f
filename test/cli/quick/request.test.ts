import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readQuickRequest } from '../../../src/cli/quick/request.ts'
import { anAttachment, aVolume } from '../../support/a-volume.ts'
import { CommandLine, commandVolumes } from '../../support/command-line.ts'

const volumes = [
  aVolume({ name: 'pg', id: 'vol-1', encrypted: true, attachments: [anAttachment('vol-1')] }),
  aVolume({ name: 'ls', id: 'vol-2', sizeGiB: 7 }),
]

const WORDS = [
  ...['volume', 'ls', 'list', 'get', 'path', 'pg', 'help', '/^p/', '/(/', '-', '--', ''],
  ...['--attached', '--available', '--path', '-q', '--quiet', '-f', '--format', '-n', '-?'],
  ...['json', 'jsonp', 'table', 'yaml', 'JSON', 'tmpl', '{{.Name}}', '{{.Nme}}', '{{', '-s', '-c'],
  ...['--service=pg', '--ATTACHED', '--volumename', '--template', '-v', 'constructor', 'ebs'],
  ...['--template={{range .D}}{{.Name}}={{.Size}} {{end}}', '-l', '--logLevel', 'WARN', 'debug'],
  ...['--format=json', '--format=', '--quiet=true', '--logLevel=error', '{{len .D}}'],
]

test('what is read quickly does, says and exits as the whole program does', async () => {
  const line = fc.array(fc.constantFrom(...WORDS), { maxLength: 5 })
  const verb = fc.constantFrom('ls', 'list', 'get', 'inspect', 'l', 'path')
  const globals = fc.constantFrom<readonly string[]>(
    ...[[], [], [], ['-s', 'pg'], ['--config=x'], ['-l', 'error', '-s', '-f']],
  )
  let quick = 0
  await fc.assert(
    fc.asyncProperty(globals, verb, line, async (before, said, rest) => {
      const args = [...before, 'volume', said, ...rest]
      const [one, other] = [
        new CommandLine(commandVolumes(...volumes)),
        new CommandLine(commandVolumes(...volumes)),
      ]
      const ran = await one.runQuickly(args)
      if (ran === undefined) return
      quick += 1
      expect(ran).toEqual(await other.run(...args))
      expect(one.flags).toEqual(other.flags)
      expect(one.steps).toEqual(other.steps)
    }),
    { numRuns: 400 },
  )
  expect(quick).toBeGreaterThan(40)
})

test.each([
  'volume ls',
  'volume get --path pg',
  'volume inspect -f json -s logs',
  'volume path pg',
  'volume ls --template {{len.D}}',
  'volume ls --template={{range.D}}{{.Name}}={{end}} --format=tmpl',
  'volume ls -l error',
  '--config x volume ls',
  '-s volume -l WARN volume path pg',
  '--service=pg --logLevel=error volume ls',
  'volume path -l warn pg',
])('%s is read quickly', (line) => {
  expect(readQuickRequest(line.split(' '))).toBeDefined()
})

test.each([
  'volume',
  'volume rm pg',
  'volume ls --help',
  'volume ls -n',
  'volume path',
  'volume path --continueOnError pg',
  '-f json volume ls',
  '-q volume ls',
  '-s a volume ls -s b',
  '-s volume ls',
  '-v volume ls',
  '--service= volume ls',
  'volume ls -f',
  'volume ls --volumename pg',
  'volume ls -f volume -f json',
  'volume ls -l debug',
  'volume ls -l bogus',
  'volume path --template x pg',
])('%s is left to the whole program', (line) => {
  expect(readQuickRequest(line.split(' '))).toBeUndefined()
})
