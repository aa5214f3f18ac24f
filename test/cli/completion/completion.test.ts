import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { completionScript, SHELLS, type Shell } from '../../../src/cli/completion/scripts.ts'
import { CommandLine, OPERATIONS } from '../../support/command-line.ts'

let home: string
let line: CommandLine
let server: Server | undefined
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'completion-'))
  line = new CommandLine()
  line.directories = { ...line.directories, lib: home, plugins: home }
})
afterEach(async () => {
  await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)))
  server = undefined
  rmSync(home, { recursive: true, force: true })
})

async function complete(...words: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await line.run('__complete', ...words)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout.split('\n').slice(0, -1)
}

function record(service: string, name: string): void {
  mkdirSync(path.join(home, 'ledger', service), { recursive: true })
  const text = JSON.stringify({ volume: { name } })
  writeFileSync(
    path.join(home, 'ledger', service, `${name.length}-${name.charCodeAt(0)}.json`),
    text,
  )
}

async function serving(names: readonly string[]): Promise<void> {
  const listed = JSON.stringify({ Volumes: names.map((Name) => ({ Name })) })
  server = createServer((_request, reply) => reply.end(listed))
  await new Promise<void>((resolve) => {
    server?.listen(path.join(home, 'rexray.sock'), resolve)
  })
}

test.each([
  [['vol'], ['volume']],
  [
    ['volume', 'r'],
    ['resize', 'rm'],
  ],
  [
    ['volume', 'ls', '--a'],
    ['--attached', '--available'],
  ],
  [
    ['snapshot', 'copy', '--destination'],
    ['--destinationSnapshotName', '--destinationRegion'],
  ],
  [['volume', 'mount', '--path'], []],
  [['volume', 'create', ''], []],
  [['bogus', 'x'], []],
  [
    ['volume', 'ls', '-f', 'js'],
    ['json', 'jsonp'],
  ],
  [['volume', 'ls', '--format', 'y'], ['yaml']],
  [['volume', '--logLevel', 'd'], ['debug']],
  [['volume', 'create', '--fsType', 'x'], ['xfs']],
  [['volume', 'ls', '--templateTabs', 't'], ['true']],
  [['volume', 'ls', '--template', ''], []],
  [['completion', 'z'], ['zsh']],
  [
    ['volume', 'ls', '--format=js'],
    ['--format=json', '--format=jsonp'],
  ],
  [['volume', 'ls', '--quiet='], []],
  [['config', 'check', ''], [':files']],
  [['config', ''], ['check']],
  [['volume', 'ls', '-c', '/etc/re'], [':files']],
  [['--config=/etc/re'], [':files']],
  [['device', 'mount', '--mountPoint', ''], [':files']],
])('%j becomes %j', async (words, candidates) => {
  expect(await complete(...words)).toEqual(candidates)
})

test('bash takes a flag and its value apart', async () => {
  expect(await complete('volume', 'ls', '--format', '=', 'js')).toEqual(['json', 'jsonp'])
  expect(await complete('volume', 'create', '--fsType', '=')).toEqual(['ext4', 'xfs', 'btrfs'])
  expect(await complete('--config', '=', '/etc')).toEqual([':files'])
})

test('every command of the top is offered', async () => {
  expect(await complete('')).toContain('completion')
  expect(await complete('')).not.toContain('__complete')
})

test('names of volumes come from the server', async () => {
  await serving(['data', 'data2', 'logs'])
  record('loop', 'stale')
  expect(await complete('volume', 'mount', 'da')).toEqual(['data', 'data2'])
  expect(await complete('volume', 'umount', 'data', 'l')).toEqual(['logs'])
  expect(await complete('snapshot', 'create', 'l')).toEqual(['logs'])
  expect(await complete('doctor', 'l')).toEqual(['logs'])
})

test('without a server they come from the ledger, and broken records are silent', async () => {
  record('loop', 'data')
  record('db', 'pg')
  writeFileSync(path.join(home, 'ledger/db/broken.json'), '{')
  expect((await complete('volume', 'rm', '')).toSorted()).toEqual(['data', 'pg'])
})

test('services are those that are configured', async () => {
  const services = ['fast', 'slow'].map((name) => ({
    ...{ name, driver: 'ebs', settings: {}, operations: OPERATIONS },
  }))
  line.config = { services }
  expect(await complete('volume', 'ls', '-s', '')).toEqual(['fast', 'slow'])
  expect(await complete('--service', 's')).toEqual(['slow'])
  await serving(['data'])
  expect(await complete('volume', 'rm', '-s', 'fast', '')).toEqual(['data'])
})

test('nothing is offered that a shell would read as more than a word', async () => {
  await serving(['$(reboot)', 'a b', '`x`', 'plain-1.x'])
  expect(await complete('volume', 'rm', '')).toEqual(['plain-1.x'])
})

test.each(SHELLS)('prints the script for %s byte by byte', async (shell) => {
  const { status, stdout } = await line.run('completion', shell)
  expect(status).toBe(0)
  await expect(stdout).toMatchFileSnapshot(`../golden/completion-${shell}.txt`)
})

test('another shell is refused', async () => {
  const { status, stderr } = await line.run('completion', 'csh')
  expect(status).toBe(1)
  expect(stderr).toContain('Allowed choices are bash, zsh, fish')
})

const lacks = (shell: string) => spawnSync(shell, ['--version']).status !== 0

/** Runs a script in a shell that knows a program which offers these words, and notes what it is asked. */
function inShell(shell: Shell, script: string, ...offered: readonly string[]): string {
  const answer = `#!/bin/sh
for word; do echo "$word" >>'${home}/asked'; done
printf '%s\\n' ${offered.join(' ')}
`
  writeFileSync(path.join(home, 'remora'), answer, { mode: 0o755 })
  writeFileSync(path.join(home, '_remora'), completionScript(shell, 'remora'))
  const env = { ...process.env, HOME: home, PATH: `${home}:${process.env['PATH']}` }
  return execFileSync(shell, ['-c', script], { cwd: home, env, encoding: 'utf8' })
}

const asked = () => readFileSync(path.join(home, 'asked'), 'utf8')

test.skipIf(lacks('bash'))(
  'in a bash the words before the cursor are asked about, and what comes back is offered',
  () => {
    const script = `source ./_remora
COMP_WORDS=(remora volume mount 'da ta' later) COMP_CWORD=3
_remora
printf '%s\\n' "\${COMPREPLY[@]}"`
    expect(inShell('bash', script, 'data', 'data2')).toBe('data\ndata2\n')
    expect(asked()).toBe('__complete\nvolume\nmount\nda ta\n')
  },
)

test.skipIf(lacks('zsh'))(
  'in a zsh what comes back is offered from the very first time, when it has just found the script',
  () => {
    const script = `compdef() { : }
compadd() { print -r -- "$@" }
fpath=($PWD $fpath); autoload -U _remora
words=(remora volume mount 'da ta' later) CURRENT=4
_remora; _remora`
    expect(inShell('zsh', script, 'data', 'data2')).toBe('-- data data2\n-- data data2\n')
    expect(asked()).toBe('__complete\nvolume\nmount\nda ta\n'.repeat(2))
  },
)

test.skipIf(lacks('fish'))('in a fish what comes back is offered, or files', () => {
  const completed = (typed: string) => `source ./_remora; complete -C '${typed}'`
  expect(inShell('fish', completed('remora volume mount d'), 'data', 'data2')).toBe('data\ndata2\n')
  expect(asked()).toBe('__complete\nvolume\nmount\nd\n')
  expect(inShell('fish', completed('remora config check ask'), ':files')).toBe('asked\n')
  expect(inShell('fish', completed('remora --config=ask'), ':files')).toBe('--config=asked\n')
})
