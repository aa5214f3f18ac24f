import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemdUnit } from '../../../src/cli/service/unit.ts'
import { resolveDirectories } from '../../../src/config/directories.ts'
import { bundleChild, LineProcess } from '../../support/child-process.ts'
import { CommandLine } from '../../support/command-line.ts'

const OLD_UNIT = `[Unit]
Description=rexray
Before=docker.service

[Service]
EnvironmentFile=/etc/rexray/rexray.env
ExecStart=/usr/bin/rexray start -f
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process

[Install]
WantedBy=docker.service
`

let bundled: string
let child: string
beforeAll(async () => {
  bundled = mkdtempSync(path.join(tmpdir(), 'systemd-child-'))
  child = await bundleChild('lock-child.ts', bundled)
})
afterAll(() => rmSync(bundled, { recursive: true, force: true }))

let root: string
let home: string
let line: CommandLine
/** What systemd would say of a unit, by name. */
let states: Map<string, Record<string, string>>
let atStart: (unit: string) => Promise<void>
const children: LineProcess[] = []
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'systemd-'))
  home = path.join(root, 'home')
  states = new Map()
  atStart = async (unit) => void (await listen(await serve(unit)))
  line = new CommandLine()
  line.systemd = { root, isBooted: true }
  line.home = home
  line.directories = resolveDirectories({ env: { REXRAY_HOME: home }, uid: 0, homeDirectory: '/' })
  line.signalProcess = (to, signal) => {
    line.signalled.push({ pid: to, signal })
    process.kill(to, signal)
  }
  line.startServer = async (args) => {
    line.steps.push(`starts ${args.join(' ')}`)
    const pid = await listen(await serve())
    return { pid, ended: new Promise(() => undefined) }
  }
  line.runTool = async (command, args) => {
    line.steps.push([command, ...args.filter((arg) => !arg.startsWith('--'))].join(' '))
    const [verb, unit = ''] = args
    if (verb === 'start') await atStart(unit)
    if (verb === 'stop') process.kill(Number(states.get(unit)?.['MainPID']), 'SIGTERM')
    const said = Object.entries(states.get(unit) ?? { MainPID: '0', ActiveState: 'inactive' })
    return {
      exitCode: 0,
      stdout: verb === 'show' ? said.map(([name, value]) => `${name}=${value}\n`).join('') : '',
      stderr: '',
    }
  }
})
afterEach(async () => {
  for (const server of children.splice(0)) await server.kill()
  rmSync(root, { recursive: true, force: true })
})

/** A server of this home, as the main process of a unit or on its own. */
async function serve(unit?: string): Promise<number> {
  const { run } = line.directories
  const server = new LineProcess(child, [run])
  children.push(server)
  expect(await server.ask('try server')).toBe('won')
  const state = { MainPID: String(server.pid), ActiveState: 'active', SubState: 'running' }
  if (unit !== undefined) states.set(unit, { ...state, NRestarts: '0' })
  return server.pid
}

async function listen(pid: number): Promise<number> {
  writeFileSync(path.join(line.directories.run, 'rexray.listening'), `${pid}\n`)
  return pid
}

function installUnit(text: string, file = 'etc/systemd/system/rexray.service'): void {
  const at = path.join(root, file)
  mkdirSync(path.dirname(at), { recursive: true })
  writeFileSync(at, text)
}

function ourUnit(unitHome: string | undefined): string {
  return systemdUnit({
    command: ['/usr/bin/node', '/elsewhere/main.js'],
    environmentFile: path.join(unitHome ?? '', '/etc/rexray/rexray.env'),
    stateFolder: path.join(unitHome ?? '', '/var/lib/rexray'),
    home: unitHome,
  })
}

const asked = () => line.steps.filter((step) => !step.startsWith('systemctl show'))

describe('service start', () => {
  test("never starts REX-Ray's own program by the unit that it has left", async () => {
    installUnit(OLD_UNIT)
    const { status, stdout } = await line.run('service', 'start')
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining('PID') })
    expect(asked()).toEqual(['starts start --foreground'])
  })

  test('goes by a unit of ours for this home, of whatever name', async () => {
    installUnit(OLD_UNIT)
    home = path.join(root, 'my "home" 100% $x')
    line.directories = resolveDirectories({
      env: { REXRAY_HOME: home },
      uid: 0,
      homeDirectory: '/',
    })
    installUnit(ourUnit(home), 'usr/lib/systemd/system/remora.service')
    expect((await line.run('service', 'start')).stdout).toMatch(
      /^Starting Remora\.\.\.SUCCESS!\nRemora is running at PID \d+\n$/,
    )
    expect(asked()).toEqual(['systemctl start remora.service'])
  })

  test('does not go by the unit of another home', async () => {
    installUnit(ourUnit(undefined))
    installUnit(ourUnit(`${home}2`), 'etc/systemd/system/remora.service')
    expect((await line.run('service', 'start')).status).toBe(0)
    expect(asked()).toEqual(['starts start --foreground'])
  })

  test.each([
    [
      'what is dropped in',
      'etc/systemd/system/rexray.service.d/home.conf',
      '[Service]\nEnvironment="A=1 2" "REXRAY_HOME=HOME"\n',
    ],
    ['its file of variables', 'etc/rexray/rexray.env', '# where\nREXRAY_HOME="HOME"\n'],
  ])('takes the home of a unit from %s', async (_where, file, text) => {
    installUnit(ourUnit(undefined))
    installUnit(text.replace('HOME"', `${home}"`), file)
    expect((await line.run('service', 'start')).status).toBe(0)
    expect(asked()).toEqual(['systemctl start rexray.service'])
  })

  test("goes by REX-Ray's unit where its program is this one by now", async () => {
    const script = path.join(root, 'main.js')
    const link = path.join(root, 'rexray')
    writeFileSync(script, '')
    symlinkSync(script, link)
    line.script = script
    installUnit(OLD_UNIT.replace('/usr/bin/rexray', link))
    installUnit(`REXRAY_HOME=${home}\n`, 'etc/rexray/rexray.env')
    expect((await line.run('service', 'start')).status).toBe(0)
    expect(asked()).toEqual(['systemctl start rexray.service'])
  })

  test('refuses flags, which the unit would not be told, and names none of their values', async () => {
    installUnit(ourUnit(home))
    const flags = ['-c', '/other.yml', '--service', 'ebs', '--ebsSecretKey', 'hidden']
    expect(await line.run(...flags, 'service', 'start')).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'remora: rexray.service, by which systemd starts the server, is not told --config, --service, --ebsSecretKey, ' +
        'write it to the configuration, or to ExecStart (systemctl edit rexray.service), ' +
        'or serve in the foreground by remora start\n',
    })
    expect(asked()).toEqual([])
  })

  test('hands flags on where no unit is for this home', async () => {
    installUnit(ourUnit(undefined))
    expect((await line.run('-c', '/other.yml', 'service', 'start')).status).toBe(0)
    expect(asked()).toEqual(['starts --config=/other.yml start --foreground'])
  })

  test('says success only when the server listens', async () => {
    installUnit(ourUnit(home))
    let served = 0
    atStart = async (unit) => {
      served = await serve(unit)
    }
    const ran = line.run('service', 'start')
    await expect
      .poll(() => line.steps.filter((step) => step.includes('show')).length)
      .toBeGreaterThan(2)
    expect(line.stdout).toBe('Starting Remora...')
    await listen(served)
    expect(await ran).toMatchObject({ status: 0 })
  })

  test('takes no word of a server that is gone', async () => {
    installUnit(ourUnit(home))
    atStart = async (unit) => {
      const pid = await serve(unit)
      states.set(unit, { MainPID: String(pid), ActiveState: 'failed', Result: 'exit-code' })
    }
    mkdirSync(line.directories.run, { recursive: true })
    const pid = await serve()
    await listen(pid)
    for (const server of children.splice(0)) await server.kill()
    expect((await line.run('service', 'start')).status).toBe(1)
  })

  test.each([
    [{ ActiveState: 'failed', SubState: 'failed', Result: 'exit-code' }, ''],
    [
      { ActiveState: 'activating', SubState: 'auto-restart', Result: 'exit-code' },
      '; systemd goes on trying',
    ],
  ])('fails where the server ends, %j', async (state, rest) => {
    installUnit(ourUnit(home))
    atStart = async (unit) => void states.set(unit, { MainPID: '0', ...state })
    expect(await line.run('service', 'start')).toEqual({
      status: 1,
      stdout: 'Starting Remora...',
      stderr: `remora: service startup failed: the server of rexray.service ended (exit-code), look at journalctl -u rexray.service${rest}\n`,
    })
  })
})

describe('stop', () => {
  test("leaves the machine's unit alone, and stops the server of this home", async () => {
    installUnit(ourUnit(undefined))
    states.set('rexray.service', { MainPID: String(process.pid), ActiveState: 'active' })
    const pid = await serve()
    expect((await line.run('stop')).status).toBe(0)
    expect(asked()).toEqual([])
    expect(line.signalled).toEqual([{ pid, signal: 'SIGTERM' }])
  })

  test('goes by the unit whose process the server is', async () => {
    installUnit(ourUnit(home))
    await serve('rexray.service')
    expect((await line.run('stop')).status).toBe(0)
    expect(asked()).toEqual(['systemctl stop rexray.service'])
  })
})

describe('restart', () => {
  test('stops and starts the server of this home alone', async () => {
    installUnit(ourUnit(undefined))
    states.set('rexray.service', { MainPID: String(process.pid), ActiveState: 'active' })
    const before = await serve()
    expect((await line.run('restart')).status).toBe(0)
    expect(asked()).toEqual(['starts start --foreground'])
    expect(line.signalled).toEqual([{ pid: before, signal: 'SIGTERM' }])
  })

  test('goes by the unit that ran the server, also by one that somebody wrote', async () => {
    installUnit('[Service]\nExecStart=/opt/start-volumes\n')
    await serve('rexray.service')
    expect((await line.run('restart')).status).toBe(0)
    expect(asked()).toEqual(['systemctl stop rexray.service', 'systemctl start rexray.service'])
  })

  test('that refuses flags has stopped nothing', async () => {
    installUnit(ourUnit(home))
    await serve('rexray.service')
    expect((await line.run('-c', '/other.yml', 'restart')).status).toBe(1)
    expect(asked()).toEqual([])
    expect((await line.run('status')).stdout).toContain('is running')
  })
})
