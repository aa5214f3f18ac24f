import { expect, test } from 'vitest'
import { CommandLine, commandVolumes } from '../support/command-line.ts'

const run = (...args: string[]) => new CommandLine().run(...args)

test.each([
  'help',
  'config',
  'config check',
  'start',
  'version',
  'volume',
  'volume ls',
  'volume create',
  'volume resize',
  'volume rm',
  'volume attach',
  'volume detach',
  'volume mount',
  'volume unmount',
  'volume path',
  'snapshot',
  'snapshot ls',
  'snapshot create',
  'snapshot rm',
])('prints the help of %s byte by byte', async (command) => {
  const { status, stdout, stderr } = await run(...command.split(' '), '--help')

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  await expect(stdout).toMatchFileSnapshot(`golden/help-${command.replace(' ', '-')}.txt`)
})

test.each([
  { said: ['-?'], meant: ['--help'] },
  { said: ['help'], meant: ['--help'] },
  { said: [], meant: ['--help'] },
  { said: ['volume'], meant: ['volume', '--help'] },
  { said: ['help', 'volume'], meant: ['volume', '--help'] },
  { said: ['volume', 'help', 'ls'], meant: ['volume', 'ls', '--help'] },
])('$said is help on stdout, with status 0', async ({ said, meant }) => {
  expect(await run(...said)).toEqual(await run(...meant))
})

test.each([
  [['bogus'], "remora: unknown command 'bogus'\n(--help tells more)\n"],
  [['volum'], "remora: unknown command 'volum'\n(Did you mean volume?)\n(--help tells more)\n"],
  [['volume', 'lss'], "remora: unknown command 'lss'\n(Did you mean ls?)\n(--help tells more)\n"],
  [
    ['volume', 'ls', '--atached'],
    "remora: unknown option '--atached'\n(Did you mean --attached?)\n(--help tells more)\n",
  ],
  [['volume', 'rm'], "remora: missing required argument 'volume'\n(--help tells more)\n"],
  [
    ['volume', 'ls', '-f', 'yaml'],
    "remora: option '-f, --format <format>' argument 'yaml' is invalid. Allowed choices are table, json, jsonp.\n(--help tells more)\n",
  ],
])('%j is refused with a hint, before anything is opened', async (args, stderr) => {
  const line = new CommandLine()

  expect(await line.run(...args)).toEqual({ status: 1, stdout: '', stderr })
  expect(line.steps).toEqual([])
})

test('-h is the host, not help, and global flags stand anywhere', async () => {
  const line = new CommandLine()
  await line.run('-h', 'tcp://:7979', 'volume', 'ls', '-s', 'ebs', '-l', 'debug', '-c', '/x.yml')

  expect(line.flags).toEqual([
    {
      host: 'tcp://:7979',
      service: 'ebs',
      logLevel: 'debug',
      configFile: '/x.yml',
      properties: {},
    },
  ])
})

test('flags that are named like configuration keys go to the configuration', async () => {
  const line = new CommandLine()
  await line.run(
    ...['volume', 'ls', '--ebsRegion', 'us-east-1', '--linuxVolumeFilemode=0750'],
    ...['--ebsUseLargeDeviceRange', '-q', '--libstorage.service', 'a'],
  )

  expect(line.flags[0]?.properties).toEqual({
    ebsRegion: 'us-east-1',
    linuxVolumeFilemode: '0750',
    ebsUseLargeDeviceRange: 'true',
    'libstorage.service': 'a',
  })
})

test('what stands behind -- is a name, however it looks', async () => {
  const { stderr } = await run('volume', 'rm', '--', '--ebsRegion')

  expect(stderr).toBe('remora: volume "--ebsRegion" not found\n')
})

test('a bug is reported with its stack, and is a failure', async () => {
  const volumes = commandVolumes()
  volumes.list = () => Promise.reject(new TypeError('undefined is not a volume'))
  const { status, stderr } = await new CommandLine(volumes).run('volume', 'ls')

  expect(status).toBe(1)
  expect(stderr).toMatch(
    /^remora: unexpected error: TypeError: undefined is not a volume\n +at .*program\.test/,
  )
})

test('errors begin with the name by which the program was called', async () => {
  const line = new CommandLine()
  line.programName = 'rexray'

  expect((await line.run('bogus')).stderr).toMatch(/^rexray: /)
  expect((await line.run('volume', 'rm', 'x')).stderr).toBe('rexray: volume "x" not found\n')
})

test('version and --version print the same, in the shape of REX-Ray', async () => {
  const { status, stdout } = await run('version')

  expect(status).toBe(0)
  expect(stdout).toMatch(
    /^Remora\n------\nBinary: \/usr\/bin\/remora\nSemVer: 0\.0\.0-test\nOsArch: Linux-\w+\nNodeJS: v[\d.]+\n$/,
  )
  expect((await run('--version')).stdout).toBe(stdout)
})
