import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Check } from '../../src/libstorage/check.ts'
import { FailedPreconditionError } from '../../src/libstorage/errors.ts'
import { CommandLine, OPERATIONS } from '../support/command-line.ts'

const FENCED = {
  ...OPERATIONS,
  mount: { ...OPERATIONS.mount, preempt: 'fence' as const },
  unmount: { ignoreUsedCount: true, detachDelayMs: 0 },
}

const lines: { line: CommandLine; ended: Promise<unknown> }[] = []

afterEach(async () => {
  for (const { line, ended } of lines.splice(0)) {
    line.signals.emit('SIGTERM')
    await ended
  }
})

const found = (verdict: 'pass' | 'fail'): Check => ({
  id: verdict,
  title: verdict,
  run: async () => [{ verdict, seen: 'seen', remedy: 'the remedy' }],
})

async function started(line = new CommandLine(), ...args: string[]) {
  const ended = line.run('start', ...args)
  lines.push({ line, ended })
  await vi.waitUntil(() => line.log.includes('info serving volumes'))
  return { line, ended }
}

test('compares ledger and kernel, listens, and says on stdout what it does', async () => {
  const { line } = await started()

  expect(line.steps).toEqual(['open server', 'lock', 'start', 'listen'])
  await expect(line.stdout).toMatchFileSnapshot('golden/start.txt')
})

test('says why it serves what nobody configured, and how Docker finds its socket', async () => {
  const line = new CommandLine()
  line.choice = { driver: 'loop', reason: 'nothing is configured', chosenAt: '2026-01-01' }
  const spec = '/etc/docker/plugins/my.spec'
  const address = 'unix:///home/me/rexray/run/my.sock'
  line.modules = [{ address, service: 'ebs', module: 'my', spec }]
  await started(line)

  await expect(line.stdout).toMatchFileSnapshot('golden/start-elsewhere.txt')
})

test('says of every service in which folder its volumes lie', async () => {
  const line = new CommandLine()
  line.otherServices = ['archive']
  await started(line)

  await expect(line.stdout).toMatchFileSnapshot('golden/start-services.txt')
})

test.each(['SIGTERM', 'SIGINT'])('%s closes everything and ends with 0', async (signal) => {
  const { line, ended } = await started()
  line.signals.emit(signal)

  expect(await ended).toMatchObject({ status: 0, stderr: '' })
  expect(line.steps.at(-1)).toBe('close')
  expect(line.signals.eventNames()).toEqual([])
})

test('a second signal ends the process at once', async () => {
  const { line } = await started()
  line.signals.emit('SIGTERM')
  line.signals.emit('SIGINT')

  expect(line.exits).toEqual([1])
})

test('SIGHUP reloads the log level; a configuration that is broken by then is logged and survived', async () => {
  const { line } = await started()
  line.signals.emit('SIGHUP')
  line.reloadLogLevel = () => Promise.reject(new Error('broken'))
  line.signals.emit('SIGHUP')

  expect(line.steps.filter((step) => step === 'reload')).toHaveLength(2)
  await vi.waitUntil(() => line.log.length > 1)
  expect(line.log.at(-1)).toBe('error log level not reloaded, the one before stays')
})

test.each(['unhandledRejection', 'uncaughtException'])(
  '%s is logged and ends the process with 1',
  async (event) => {
    const { line } = await started()
    line.signals.emit(event, new TypeError('a bug'))

    await vi.waitUntil(() => line.exits.length > 0)
    expect(line.exits).toEqual([1])
    expect(line.log.at(-1)).toBe('error ended by a bug')
  },
)

test('a second server of one home is refused before it touches anything', async () => {
  const line = new CommandLine()
  line.lockServer = () =>
    Promise.reject(new FailedPreconditionError({ subject: 'a server', problem: 'runs already' }))

  expect(await line.run('start')).toEqual({
    status: 1,
    stdout: '',
    stderr: 'remora: a server runs already; run `remora doctor`\n',
  })
  expect(line.steps).toEqual(['open server', 'lock', 'close'])
})

test('one that cannot start in a container says how it is looked at there', async () => {
  const line = new CommandLine()
  line.habitat = { kind: 'container', id: 'c'.repeat(64) }
  line.lockServer = () =>
    Promise.reject(new FailedPreconditionError({ subject: 'a server', problem: 'runs already' }))

  expect((await line.run('start')).stderr).toBe(
    'remora: a server runs already; run the image again with `--rm` in place of `-d`, `--name` and `--restart`, and the word `doctor` at the end\n',
  )
})

test('a module on TCP is found by a spec file of its own name, and says what its calls do otherwise', async () => {
  const line = new CommandLine()
  line.modules = [
    {
      address: 'tcp://127.0.0.1:7980',
      service: 'ebs',
      module: 'fast',
      spec: '/etc/docker/plugins/fast.spec',
    },
  ]
  line.operationsOf = (module) => (module === 'fast' ? FENCED : undefined)
  await started(line)

  expect(line.stdout).toContain(
    'listening on tcp://127.0.0.1:7980 for service ebs, preempt fence (/etc/rexray/config.yml:3:5), ignoreUsedCount true (default)\n',
  )
  expect(line.stdout).toContain(
    '  mkdir -p /etc/docker/plugins && echo tcp://127.0.0.1:7980 > /etc/docker/plugins/fast.spec\n',
  )
  expect(line.stdout).toContain('docker volume create --driver fast ')
})

test.each([
  { said: ['-f'], pidFile: true },
  { said: ['--nopid'], pidFile: false },
])('$said writes a file with the process id: $pidFile', async ({ said, pidFile }) => {
  const line = new CommandLine()
  const asked: unknown[] = []
  line.lockServer = async (options) => void asked.push(options)
  await started(line, ...said)

  expect(asked).toEqual([{ pidFile }])
})

test('the flags of old start scripts are accepted', async () => {
  const { line } = await started(new CommandLine(), '-f', '--force')

  expect(line.steps).toContain('start')
})

describe('as the managed plugin of an engine', () => {
  let lib: string
  beforeEach(async () => {
    lib = await mkdtemp(join(tmpdir(), 'remora-managed-'))
  })
  afterEach(() => rm(lib, { recursive: true }))

  function plugin(files: readonly string[] = []): CommandLine {
    const line = new CommandLine()
    line.directories = { ...line.directories, lib }
    line.config = { files: [...files] }
    return line
  }

  test('does not start without the configuration that it had, which an engine forgets at an upgrade', async () => {
    const { line: first, ended } = await started(plugin(['/etc/rexray/config.yml']), '--managed')
    first.signals.emit('SIGTERM')
    await ended
    const line = plugin()
    const ending = line.run('start', '--managed')
    await vi.waitUntil(() => line.stderr.includes('set config.source'))
    line.signals.emit('SIGTERM')
    const { stderr } = await ending
    expect(stderr).toContain('the configuration had /etc/rexray/config.yml at an earlier start')
    await rm(/or remove (\S+) to go on/.exec(stderr)?.[1] ?? '')
    await started(plugin(), '--managed')
  })

  test('answers within the time that the engine gives it, and has nothing for anybody to type', async () => {
    const { line } = await started(plugin(), '--nopid', '--managed')

    expect(line.steps).toContain('listen within 30000 ms')
    expect(line.stdout).toContain('service ebs: driver ebs')
    expect(line.stdout).not.toContain('try:')
  })

  test('one that cannot start says why, and ends when the engine says so, not at once', async () => {
    const line = plugin()
    const problem = 'runs already'
    line.lockServer = () =>
      Promise.reject(new FailedPreconditionError({ subject: 'a server', problem }))
    line.openChecks = async () => [{ checks: [found('pass'), found('fail')] }]
    const ending = line.run('start', '--managed')
    await vi.waitUntil(() => line.stderr.includes('remedy'))
    expect(await Promise.race([ending, 'it stays'])).toBe('it stays')
    line.signals.emit('SIGTERM')

    expect(await ending).toMatchObject({
      status: 1,
      stderr:
        'remora: a server runs already\nremora: the doctor finds\nFAIL  fail: seen\n        the remedy\n',
    })
    expect(line.signals.eventNames()).toEqual([])
  })
})
