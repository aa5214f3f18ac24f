import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bundleChild, LineProcess } from '../../support/child-process.ts'
import { CommandLine } from '../../support/command-line.ts'
import { eventually } from '../../support/eventually.ts'

let home: string
let line: CommandLine
const children: LineProcess[] = []
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'service-'))
  line = inHome()
})
afterEach(async () => {
  for (const child of children.splice(0)) await child.kill()
  rmSync(home, { recursive: true, force: true })
})

function inHome(): CommandLine {
  const made = new CommandLine()
  const place = (name: string) => path.join(home, name)
  made.directories = {
    ...made.directories,
    lib: place('lib'),
    log: place('log'),
    run: place('run'),
  }
  return made
}

/** Another process that holds the lock of the server. */
async function server(): Promise<LineProcess> {
  const child = new LineProcess(await bundleChild('lock-child.ts', home), [path.join(home, 'run')])
  children.push(child)
  expect(await child.ask('try server')).toBe('won')
  return child
}

describe('without a server', () => {
  test.each([
    [['status'], 0, 'Remora is stopped\n'],
    [['service', 'status'], 0, 'Remora is stopped\n'],
    [['stop'], 1, 'Remora is already stopped\n'],
  ])('%j ends with %i', async (args, status, stdout) => {
    expect(await line.run(...args)).toEqual({ status, stdout, stderr: '' })
    expect(existsSync(path.join(home, 'run'))).toBe(false)
  })

  test('a pid file that names a living process is no server: nobody is signalled', async () => {
    mkdirSync(path.join(home, 'run'))
    writeFileSync(path.join(home, 'run/rexray.pid'), `${process.pid}\n`)
    expect((await line.run('stop')).status).toBe(1)
    expect(line.signalled).toEqual([])
  })
})

describe('with a server', () => {
  test('status names its process, in the words of whoever is asked', async () => {
    const { pid } = await server()
    expect((await line.run('status')).stdout).toBe(`Remora is running at PID ${pid}\n`)
    line.programName = 'rexray'
    expect((await line.run('service', 'status')).stdout).toBe(`REX-Ray is running at PID ${pid}\n`)
  })

  test('stop ends it, and returns when it has ended', async () => {
    const { pid } = await server()
    line.signalProcess = (to, signal) => void process.kill(to, signal)
    expect(await line.run('stop')).toEqual({
      status: 0,
      stdout: 'Shutting down Remora...SUCCESS!\n',
      stderr: '',
    })
    expect((await line.run('status')).stdout).toBe('Remora is stopped\n')
    // A child that has ended keeps its pid until its parent, this test, has heard of it.
    await eventually(() => expect(() => process.kill(pid, 0)).toThrow())
  })

  test('a second start is refused with its pid, and starts nothing', async () => {
    const { pid } = await server()
    const { status, stderr } = await line.run('service', 'start')
    expect(status).toBe(1)
    expect(stderr).toBe(`remora: a server is already running at pid ${pid}\n`)
  })
})

describe('a start in the background', () => {
  test('returns when the server says that it listens, and passes global flags on', async () => {
    let given: readonly string[] = []
    line.startServer = async (args, log) => {
      given = [...args, log]
      const { pid } = await server()
      writeFileSync(path.join(home, 'run/rexray.listening'), `${pid}\n`)
      return { pid, ended: new Promise(() => undefined) }
    }
    const { status, stdout } = await line.run(
      ...['service', 'start', '-c', '/x.yml', '-l', 'info', '--ebsRegion', 'eu'],
    )
    expect(status).toBe(0)
    expect(stdout).toMatch(/^Starting Remora\.\.\.SUCCESS!\nRemora is running at PID \d+\n$/)
    expect(given).toEqual([
      ...['--config=/x.yml', '--logLevel=info', '--ebsRegion=eu', 'start', '--foreground'],
      path.join(home, 'log/rexray.out'),
    ])
  })

  test('that fails says why, and where the rest stands', async () => {
    line.startServer = async (_args, log) => {
      writeFileSync(log, 'remora: configuration is wrong\n', { flag: 'a' })
      return { pid: 2 ** 22 + 1, ended: Promise.resolve(1) }
    }
    expect(await line.run('service', 'start')).toEqual({
      status: 1,
      stdout: 'Starting Remora...',
      stderr: `remora: service startup failed: configuration is wrong, look into ${home}/log/rexray.out\n`,
    })
  })
})

test('initsys is systemd or unknown', async () => {
  const wanted = existsSync('/run/systemd/system') ? 'systemd\n' : 'unknown\n'
  expect((await line.run('initsys')).stdout).toBe(wanted)
})
