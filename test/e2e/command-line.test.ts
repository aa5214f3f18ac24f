import { spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { expectNothingLeft } from '../support/leftovers.ts'
import { eventually, Machine, outcomeOf, programPath } from '../support/machine.ts'
import { expectSuccess } from '../support/plugin-calls.ts'
import {
  programEnvironment,
  runBare,
  runProgram,
  type ServerProcess,
  startServer,
} from '../support/server-process.ts'

describe('the command line beside a server', () => {
  let machine: Machine
  let server: ServerProcess
  beforeEach(async () => {
    machine = await Machine.start()
    server = await startServer(machine)
  })
  afterEach(() => machine.end())

  async function remora(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await runProgram(machine, ...args)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    return stdout
  }

  test('makes, mounts, shows and removes a volume that the server serves too', async () => {
    expect(await remora('volume', 'create', 'data', '--size', '1')).toMatch(
      /^ID {2,}Name +Status +Size\nvol-[0-9a-f]{17} {2}data {2}available {2}1\n$/,
    )
    expect(await remora('volume', 'mount', 'data')).toContain('/var/lib/volumes/data/data\n')
    const { Mountpoint } = await expectSuccess(server, 'Path', { Name: 'data' })
    expect(await remora('volume', 'path', 'data')).toBe(`${Mountpoint}\n`)
    await expectSuccess(server, 'Mount', { Name: 'data', ID: 'a' })
    const refused = await runProgram(machine, 'volume', 'unmount', 'data')
    expect(refused).toMatchObject({ status: 1, stdout: '' })
    expect(refused.stderr).toContain('volume "data" is in use by mount id a')
    await expectSuccess(server, 'Unmount', { Name: 'data', ID: 'a' })
    await remora('volume', 'unmount', 'data')
    expect(machine.loops()).toEqual([])
    expect(await remora('volume', 'rm', 'data')).toBe('data\n')
    await expectNothingLeft(machine)
  })

  test('volume ls shows at once what commands and containers did, with the server as after its end by kill', async () => {
    const rows = async () => (await remora('volume', 'ls', '-q')).split('\n').filter(Boolean).sort()
    await eventually('commands to be answered', () =>
      existsSync(path.join(machine.home, 'var/run/serving.json')),
    )
    await remora('volume', 'create', 'one', '--size', '1')
    await expectSuccess(server, 'Create', { Name: 'two', Opts: { size: '1' } })
    expect((await rows()).map((row) => row.split(/ +/)[1]).sort()).toEqual(['one', 'two'])
    await expectSuccess(server, 'Mount', { Name: 'one', ID: 'a' })
    await remora('volume', 'rm', 'two')
    const told = await rows()
    expect(told).toEqual([expect.stringMatching(/^vol-\w+ {2}one {2}attached {2}1$/)])
    const json = await remora('volume', 'ls', '--path', '-f', 'json')
    await server.kill()
    expect(await rows()).toEqual(told)
    expect(await remora('volume', 'ls', '--path', '-f', 'json')).toBe(json)
    server = await startServer(machine)
    await expectSuccess(server, 'Unmount', { Name: 'one', ID: 'a' })
    await remora('volume', 'rm', 'one')
    expect(await rows()).toEqual([])
  })

  test('a second server on the same home is refused and names the first', async () => {
    const { status, stderr } = await runProgram(machine, 'start')
    expect(status).toBe(1)
    expect(stderr).toContain(`runs already as process ${server.pid}`)
  })

  test('the doctor finds it well, and tells the story of a volume', async () => {
    await remora('volume', 'create', 'data', '--size', '1')
    await expectSuccess(server, 'Mount', { Name: 'data', ID: 'a' })
    const { status, stdout } = await runProgram(machine, 'doctor')
    expect(stdout).not.toContain('FAIL')
    expect([0, 1]).toContain(status)
    expect(stdout).toMatch(/^ok {4}machine\.sockets: the server answers on /m)
    expect(stdout).toMatch(/^ok {4}volumes\.mounted \(loop\): 1 volume mounted here/m)
    const story = await remora('doctor', 'data')
    expect(story).toMatch(/^ok {4}volume\.holders \(loop\): mount id a holds it since /m)
    expect(story).toMatch(/^ok {4}volume\.mount \(loop\): a mount here would succeed/m)
    expect(story).toMatch(/^ok {4}volume\.events \(loop\): .* formatted: /m)
    await expectSuccess(server, 'Unmount', { Name: 'data', ID: 'a' })
    await expectSuccess(server, 'Remove', { Name: 'data' })
    await expectNothingLeft(machine)
  })

  test('the server takes a new log level at SIGHUP, and ends with 0 at SIGTERM', async () => {
    machine.write('etc/config.yml', 'rexray: {logLevel: debug}\n')
    process.kill(server.pid, 'SIGHUP')
    await eventually('the level to be reloaded', () => server.output().includes('log level'))
    await expectSuccess(server, 'List', {})
    expect(server.output()).toContain('plugin List')
    expect(await server.stop()).toBe(0)
  })
})

describe('the program that is built', () => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'remora-home-'))
    mkdirSync(path.join(home, 'etc'))
    writeFileSync(path.join(home, 'etc/config.yml'), 'libstorage: {service: vfs}\n')
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))

  const remora = (...args: string[]) => runBare(programEnvironment(home), ...args)

  test('prints every format, and says what is wrong with another one', async () => {
    const made = await remora('volume', 'create', 'data', '--size', '1', '-q', '-f', '{{.ID}}')
    const id = made.stdout.trim()
    const said = async (...flags: string[]) => (await remora('volume', 'ls', ...flags)).stdout
    expect(JSON.parse(await said('-f', 'json'))).toMatchObject([{ name: 'data', id }])
    expect(JSON.parse(await said('-f', 'jsonp'))).toMatchObject([{ name: 'data', id }])
    for (const format of ['yaml', 'yml'])
      expect(await said('-f', format)).toContain(`\n  name: data\n`)
    expect(await said('--template', '{{range .D}}{{.Name}}{{end}}')).toBe('data')
    const { status, stderr } = await remora('volume', 'ls', '-f', 'xml')
    expect([status, stderr]).toEqual([1, expect.stringContaining("'xml' is invalid")])
    for (const command of ['config', 'env', 'adapter', 'version', 'status'])
      expect(await remora(command)).toMatchObject({ status: 0, stderr: '' })
  })

  test('finds tools of the system that the PATH of a user leaves out', async () => {
    writeFileSync(path.join(home, 'etc/config.yml'), 'libstorage: {service: loop}\n')
    const env = { ...programEnvironment(home), PATH: '/usr/bin:/bin' }
    expect((await runBare(env, 'doctor')).stdout).not.toMatch(/not installed/)
  })
})

describe('the doctor without a home, a terminal or a passwd entry', () => {
  test('says what it is and what is wrong', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'remora-program-'))
    chmodSync(folder, 0o755)
    cpSync(path.dirname(programPath), folder, { recursive: true })
    const program = [process.execPath, path.join(folder, path.basename(programPath)), 'doctor']
    const nobody = ['--reuid=54321', '--regid=54321', '--clear-groups', 'env', '-i', ...program]
    try {
      const { status, stdout, stderr } = await outcomeOf(
        spawn('setpriv', [...nobody, '-f', 'json']),
      )
      expect([status, stderr]).toEqual([2, ''])
      expect(JSON.parse(stdout).checks[0]).toMatchObject({ id: 'machine.program', verdict: 'warn' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('a program that cannot do what it is asked', () => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'remora-home-'))
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))

  test.each([
    [['volume', 'frobnicate'], /unknown command 'frobnicate'/],
    [['-c', '/nowhere/config.yml', 'volume', 'ls'], /\/nowhere\/config\.yml/],
    [['volume', 'create', 'data', '-o', 'sizee=1'], /option sizee is unknown, did you mean size\?/],
    [['volume', 'create', 'data', '--size', '5x'], /option size must be a whole number of GiB/],
    [
      ['volume', 'create', 'data', '--fsType', 'foo'],
      /option fstype must be one of ext4, xfs, btrfs/,
    ],
    [['volume', 'rm', 'nothing'], /volume "nothing" not found/],
  ])('%j says why on stderr, prints nothing, and ends with 1', async (args, why) => {
    const outcome = await runBare(programEnvironment(home), ...args)
    expect(outcome).toMatchObject({ status: 1, stdout: '' })
    expect(outcome.stderr).toMatch(why)
  })

  test('a wrong value in the configuration is shown with its file and line', async () => {
    const file = path.join(home, 'config.yml')
    writeFileSync(file, 'libstorage:\n  service: loop\n  device:\n    attachTimeout: soon\n')
    const { status, stderr } = await runBare(programEnvironment(home), '-c', file, 'volume', 'ls')
    expect(status).toBe(1)
    expect(stderr).toContain(`${file}:4:`)
    expect(stderr).toContain('"soon"')
  })

  test.each([
    ['libstroage:\n  service: ebs\n', /libstroage.*and no service is chosen/s],
    ['libstorage:\n  service: $NO_SUCH_VARIABLE\n', /no service is chosen/],
    ['libstorage:\n  service:\n    vfs:\n      driver: vfs\n', /no service is chosen/],
    [
      'libstorage:\n  service: a\n  server:\n    services:\n      a: {driver: vfs}\n      b: {driver: vfs}\n',
      /services "a" and "b" share their storage/,
    ],
  ])(
    'a configuration that may have meant another service serves nothing: %j',
    async (text, why) => {
      const file = path.join(home, 'config.yml')
      writeFileSync(file, text)
      const { status, stderr } = await runBare(programEnvironment(home), '-c', file, 'start')
      expect(status).toBe(1)
      expect(stderr).toMatch(why)
    },
  )
})

describe('a server in the background', () => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'remora-home-'))
    writeFileSync(path.join(home, 'config.yml'), 'libstorage: {service: vfs}\n')
  })
  afterEach(async () => {
    await service('stop')
    rmSync(home, { recursive: true, force: true })
  })

  const service = (...args: string[]) =>
    runBare(programEnvironment(home), '-c', path.join(home, 'config.yml'), 'service', ...args)

  test('is started, found, started anew and stopped', async () => {
    const started = await service('start')
    expect(started).toMatchObject({ status: 0, stderr: '' })
    const pid = /at PID (\d+)\n$/.exec(started.stdout)?.[1]
    expect((await service('status')).stdout).toBe(`Remora is running at PID ${pid}\n`)
    expect(await service('start')).toMatchObject({ status: 1 })
    const restarted = await service('restart')
    expect(restarted.status).toBe(0)
    expect(restarted.stdout).not.toContain(`PID ${pid}\n`)
    expect(await service('stop')).toMatchObject({ status: 0, stderr: '' })
    expect((await service('status')).stdout).toBe('Remora is stopped\n')
  })

  test('that cannot serve says why', async () => {
    writeFileSync(path.join(home, 'config.yml'), 'libstorage: {service: nothing}\n')
    const { status, stderr } = await service('start')
    expect(status).toBe(1)
    expect(stderr).toMatch(/service startup failed: .*config.yml:1:14: .*"nothing"/)
  })
})
