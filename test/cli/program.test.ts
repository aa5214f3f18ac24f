import { expect, test } from 'vitest'
import { aVolume } from '../support/a-volume.ts'
import { CommandLine, commandVolumes } from '../support/command-line.ts'

const run = (...args: string[]) => new CommandLine().run(...args)

test.each([
  ...[
    'help',
    'config',
    'config check',
    'version',
    'env',
    'completion',
    'doctor',
    'start',
    'stop',
    'restart',
    'status',
  ],
  ...['initsys', 'install', 'uninstall', 'service', 'service start'],
  ...['volume', 'volume ls', 'volume create', 'volume resize', 'volume rm', 'volume attach'],
  ...['volume detach', 'volume mount', 'volume unmount', 'volume path'],
  ...['snapshot', 'snapshot ls', 'snapshot create', 'snapshot copy', 'snapshot rm'],
  ...['adapter', 'adapter types', 'adapter instances', 'token', 'token new', 'token decode'],
  ...['device', 'device ls', 'device mount', 'device unmount', 'device format', 'events'],
  ...['scripts', 'scripts ls', 'scripts install', 'scripts uninstall'],
  ...['flexrex', 'flexrex install', 'flexrex uninstall', 'flexrex status'],
])('prints the help of %s byte by byte', async (command) => {
  const { status, stdout, stderr } = await run(...command.split(' '), '--help')

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  await expect(stdout).toMatchFileSnapshot(`golden/help-${command.replace(' ', '-')}.txt`)
})

test.each([
  { said: ['-?'], meant: ['--help'] },
  { said: ['help'], meant: ['--help'] },
  { said: [], meant: ['--help'] },
  { said: ['snapshot'], meant: ['snapshot', '--help'] },
  { said: ['service'], meant: ['service', '--help'] },
  { said: ['help', 'volume'], meant: ['volume', '--help'] },
  { said: ['volume', 'help', 'ls'], meant: ['volume', 'ls', '--help'] },
  { said: ['help', 'volume', 'create'], meant: ['volume', 'create', '--help'] },
  { said: ['help', 'volume', 'rm', 'data'], meant: ['volume', 'rm', '--help'] },
  { said: ['help', 'start', '--nopid'], meant: ['start', '--help'] },
])('$said is help on stdout, with status 0', async ({ said, meant }) => {
  expect(await run(...said)).toEqual(await run(...meant))
})

test.each([
  [['bogus'], "remora: unknown command 'bogus'\n(--help tells more)\n"],
  [['help', 'bogus'], "remora: unknown command 'bogus'\n(--help tells more)\n"],
  [
    ['help', 'volume', 'lss'],
    "remora: unknown command 'lss'\n(Did you mean ls?)\n(--help tells more)\n",
  ],
  [
    ['config', 'chek', 'x.yml'],
    "remora: unknown command 'chek'\n(Did you mean check?)\n(--help tells more)\n",
  ],
  [['config', 'bogus'], "remora: unknown command 'bogus'\n(--help tells more)\n"],
  [['volum'], "remora: unknown command 'volum'\n(Did you mean volume?)\n(--help tells more)\n"],
  [['volume', 'lss'], "remora: unknown command 'lss'\n(Did you mean ls?)\n(--help tells more)\n"],
  [
    ['volume', 'ls', '--atached'],
    "remora: unknown option '--atached'\n(Did you mean --attached?)\n(--help tells more)\n",
  ],
  [['volume', 'rm'], "remora: missing required argument 'volume'\n(--help tells more)\n"],
  [
    ['volume', 'ls', '-f', 'jsn'],
    "remora: option '-f, --format <format>' argument 'jsn' is invalid. It is one of table, json, jsonp, yaml, tmpl, or a template such as '{{.Name}}'. Did you mean json?\n(--help tells more)\n",
  ],
])('%j is refused with a hint, before anything is opened', async (args, stderr) => {
  const line = new CommandLine()

  expect(await line.run(...args)).toEqual({ status: 1, stdout: '', stderr })
  expect(line.steps).toEqual([])
})

test('a bare volume lists, as it did in 0.3', async () => {
  expect(await run('volume')).toEqual(await run('volume', 'ls'))
  expect(await run('volume', '-f', 'json')).toEqual(await run('volume', 'ls', '-f', 'json'))
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

test.each([
  '--libstorageIntegrationVolumeOperationsRemoveForce',
  '--libstorageIntegrationVolumeRemoveForce',
  '--libstorageIntegrationVolumeOperationsUnmountIgnoreUsedCount',
  '--rexray.volume.unmount.ignoreusedcount',
  '--libstorageEmbedded',
  '--virtualboxTls',
  '--ebsUseLargeDeviceRange',
  '--ec2UseLargeDeviceRange',
])('a flag that is true or false leaves the next word alone: %s', async (flag) => {
  const line = new CommandLine(commandVolumes(aVolume({ name: 'd1' }), aVolume({ name: 'd2' })))
  expect((await line.run(flag, 'volume', 'rm', flag, 'd1', 'd2')).stdout).toBe('d1\nd2\n')
  expect(line.flags[0]?.properties).toEqual({ [flag.slice(2)]: 'true' })
  await line.run('volume', 'ls', `${flag}=false`)
  expect(line.flags.at(-1)?.properties).toEqual({ [flag.slice(2)]: 'false' })
})

test('preempt, which may be a word, takes the next one', async () => {
  const line = new CommandLine()
  await line.run('volume', 'ls', '--libstorageIntegrationVolumeOperationsMountPreempt', 'dead')
  expect(line.flags[0]?.properties).toEqual({
    libstorageIntegrationVolumeOperationsMountPreempt: 'dead',
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
    /^Remora\n------\nBinary: \/usr\/bin\/remora\nFlavor: client\+agent\+controller\nSemVer: 0\.0\.0-test\nOsArch: Linux-\w+\nCommit: 0123456789ab\nFormed: Thu, 1 Jan 1970 00:00:00 \+0000\nNodeJS: v[\d.]+\n$/,
  )
  expect((await run('--version')).stdout).toBe(stdout)
})
