import { afterEach, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { CommandLine, type Ran } from '../../support/command-line.ts'
import { ConfigWorld } from '../../support/config-world.ts'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

/** Runs a command over the files of the test's own home; its place is written as HOME. */
async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const line = new CommandLine()
  line.examineConfig = (flags) => world.examine({ flags, env })
  const ran = await line.run(...args)
  expect(line.steps).toEqual([])
  const withoutHome = (text: string) => text.replaceAll(world.root, 'HOME')
  return { ...ran, stdout: withoutHome(ran.stdout), stderr: withoutHome(ran.stderr) }
}

const MODULES = `
rexray:
  modules:
    fast:
      libstorage: {integration: {volume: {operations: {mount: {preempt: dead}}}}}
`

test('config prints every setting with where it comes from, and no secret', async () => {
  await world.write(
    'etc/config.yml',
    `libstorage: {service: ec2}\nebs: {accessKey: "AKIA42", zones: [a, b]}\nlinux: {volume: {fileMode: 0750}}\n${MODULES}`,
  )
  const { status, stdout } = await run(['config', '--ebsRegion', 'eu-west-1'], {
    EBS_SECRETKEY: 'not-a-secret',
    REXRAY_PREEMPT: 'true',
  })

  expect(status).toBe(0)
  expect(stdout).not.toMatch(/AKIA42|not-a-secret/)
  await expect(stdout).toMatchFileSnapshot('../golden/config.txt')
})

test('config as JSON has each dotted key with its value and source', async () => {
  await world.write(
    'etc/config.yml',
    'libstorage: {service: ebs}\nebs: {accessKey: AKIA42, region: "http://me:word@host/"}\n',
  )
  const { stdout } = await run(['config', '-f', 'json'])
  const { settings, files } = JSON.parse(stdout)

  expect(files).toEqual(['HOME/etc/config.yml'])
  expect(settings['libstorage.server.services.ebs.ebs.accessKey']).toEqual({
    value: '***',
    source: 'HOME/etc/config.yml:2:7',
  })
  expect(settings['libstorage.server.services.ebs.ebs.region'].value).toBe('http://me:***@host/')
  expect(settings['rexray.logLevel']).toEqual({ value: 'warn', source: 'default' })
  expect(settings['linux.volume.fileMode']).toBeUndefined()
})

test('what config prints is a configuration that says the same', async () => {
  await world.write(
    'etc/config.yml',
    'rexray: {storageDrivers: [vfs], volume: {mount: {preempt: true}}}\ndocker: {size: 5}\nvfs: {instance: "a: b #c"}\n',
  )
  const first = await run(['config'])
  const before = await world.load()
  expect(parse(first.stdout)).toMatchObject({ libstorage: { service: 'vfs' } })
  const after = await world.loadText(first.stdout.replaceAll('HOME', world.root))

  expect(after.services).toMatchObject([
    {
      settings: { instance: 'a: b #c' },
      operations: { ...before.services[0]?.operations, mount: { preempt: true } },
    },
  ])
  expect(after.warnings).toEqual([])
})

test('config without a configuration says so, and what would hold', async () => {
  const { status, stdout } = await run(['config'])

  expect(status).toBe(0)
  expect(stdout).toContain('# read from no file\n')
  expect(stdout).toContain('# no service is configured: start chooses one\n')
  expect(parse(stdout).libstorage.integration.volume.operations.create.default.size).toBe(16)
})

test('config of a configuration with mistakes prints these, and ends with 1', async () => {
  await world.write('etc/config.yml', 'libstorage: {service: vsf}\n')
  const { status, stdout, stderr } = await run(['config'])

  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^HOME\/etc\/config\.yml:1:14: error: /)
})

test('config check says all that is wrong with a file, each with its line and a mark', async () => {
  const file = await world.write(
    'mine.yml',
    'rexray:\n  loglevl: info\n  logLevel: loud\nlibstorage:\n  service: vsf\nebs: {secretKey: not-a-secret, secretkey: x}\nvolume: 3\n',
  )
  const { status, stdout, stderr } = await run(['config', 'check', file])

  expect([status, stderr]).toEqual([1, ''])
  expect(stdout).not.toContain('not-a-secret')
  await expect(stdout).toMatchFileSnapshot('../golden/config-check.txt')
})

test('config check of what is no YAML shows the place, tabs and all', async () => {
  const file = await world.write('mine.yml', 'libstorage:\n\tservice: vfs\n')
  const { status, stdout } = await run(['config', 'check', file])

  expect(status).toBe(1)
  expect(stdout).toBe(
    'HOME/mine.yml:2:1: error: the file is not valid YAML: a tab stands where only spaces may, use spaces\n' +
      '    2 | \tservice: vfs\n      | ^\nHOME/mine.yml: 1 error, no warnings\n',
  )
})

test('config check of the files in force ends with 0 where there are only warnings', async () => {
  await world.write('etc/rexray.yml', 'libstorage: {service: vfs}\n')
  await world.write('etc/config.yml', 'docker: {size: 5}\n')
  const { status, stdout } = await run(['config', 'check'])

  expect(status).toBe(0)
  expect(stdout).toContain('HOME/etc/config.yml:1:10: warning: docker.size is understood as ')
  expect(stdout).toMatch(/\nHOME\/etc\/rexray.yml, HOME\/etc\/config.yml: no errors, 1 warning\n$/)
})

test('config check of a file that is not there is an error', async () => {
  expect(await run(['config', 'check', '/missing.yml'])).toEqual({
    status: 1,
    stdout:
      'error: config file /missing.yml does not exist, give --config a file that does\nno file: 1 error, no warnings\n',
    stderr: '',
  })
})
