import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CommandLine } from '../../support/command-line.ts'

const BELOW = 'usr/libexec/kubernetes/kubelet-plugins/volume/exec/rexray~flexrex/flexrex'

let home: string
let line: CommandLine
let usual: string
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'flexrex-'))
  line = new CommandLine()
  line.home = home
  line.directories = { ...line.directories, lib: path.join(home, 'lib') }
  usual = path.join(home, BELOW)
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

function table(file: string, installed: boolean, modified: boolean): string {
  const heading = `Path${' '.repeat(file.length - 4)}  Installed  Modified\n`
  return `${heading}${file}  ${String(installed).padEnd(9)}  ${modified}\n`
}

test("install writes the driver where kubelet looks for it, whole and to be run, and prints REX-Ray's row", async () => {
  expect((await line.run('flexrex', 'status')).stdout).toBe(table(usual, false, false))
  const installed = { status: 0, stdout: table(usual, true, false), stderr: '' }
  expect(await line.run('flexrex', 'install')).toEqual(installed)
  expect(readFileSync(usual, 'utf8')).toBe(
    '#!/bin/sh\n# FlexVolume driver of Remora\n' +
      `exec 'env' 'REXRAY_HOME=${home}' '/usr/bin/node' '/opt/remora/dist/main.js' flexrex call -- "$@" 2>/dev/null\n`,
  )
  expect(statSync(usual).mode & 0o777).toBe(0o755)
  expect(readdirSync(path.dirname(usual))).toEqual(['flexrex'])
  expect(await line.run('flexrex', 'install')).toEqual(installed)
  expect(JSON.parse((await line.run('flexrex', 'status', '-f', 'json')).stdout)).toEqual([
    { name: 'flexrex', path: usual, installed: true, modified: false },
  ])
  expect((await line.run('flexrex', 'status', '-f', '{{.Path}} {{.Installed}}')).stdout).toBe(
    `${usual} true\n`,
  )
})

test('one of another version, or that somebody changed, is shown as modified, and replaced by an install', async () => {
  await line.run('flexrex', 'install')
  writeFileSync(usual, `${readFileSync(usual, 'utf8')}# more\n`)
  expect((await line.run('flexrex', 'status')).stdout).toBe(table(usual, true, true))
  expect((await line.run('flexrex', 'install')).stdout).toBe(table(usual, true, false))
})

test("a script of somebody else's stays, unless --force says otherwise", async () => {
  const own = path.join(home, 'rexrays')
  writeFileSync(own, '#!/bin/sh\necho old\n')
  mkdirSync(path.dirname(usual), { recursive: true })
  symlinkSync(own, usual)
  for (const verb of ['install', 'uninstall'])
    expect(await line.run('flexrex', verb)).toEqual({
      status: 1,
      stdout: '',
      stderr: `remora: ${usual} is not a script of Remora, put it aside, or give --force\n`,
    })
  expect((await line.run('flexrex', 'install', '--force')).stdout).toBe(table(usual, true, false))
  expect(readFileSync(own, 'utf8')).toBe('#!/bin/sh\necho old\n')
})

test('uninstall takes the driver and its folder away, and a repeat changes nothing', async () => {
  await line.run('flexrex', 'install')
  const gone = { status: 0, stdout: `${usual}\n`, stderr: '' }
  expect(await line.run('flexrex', 'uninstall')).toEqual(gone)
  expect(existsSync(path.dirname(usual))).toBe(false)
  expect(existsSync(path.dirname(path.dirname(usual)))).toBe(true)
  expect(await line.run('flexrex', 'uninstall')).toEqual(gone)
})

test('--path names another place; what cannot be written is said', async () => {
  const other = path.join(home, "it's/flexrex")
  expect((await line.run('flexrex', 'install', '--path', other)).stdout).toBe(
    table(other, true, false),
  )
  mkdirSync(usual, { recursive: true })
  const { status, stderr } = await line.run('flexrex', 'install', '--force')
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: `remora: ${usual} cannot be changed (EISDIR), run this as root, or name another --path\n`,
  })
  expect((await line.run('flexrex', 'uninstall', '--force')).status).toBe(1)
  expect(readdirSync(path.dirname(usual)).filter((name) => !name.startsWith('.'))).toEqual([
    'flexrex',
  ])
})

test('a home with quotes and dollars is handed on as it is', async () => {
  line.home = `${home}/a'b $HOME "c"`
  const at = path.join(home, 'flexrex')
  await line.run('flexrex', 'install', '--path', at)
  const shown = readFileSync(at, 'utf8').replace(
    /'\/usr\/bin\/node'.*/,
    'sh -c \'echo "$REXRAY_HOME"\'',
  )
  writeFileSync(at, shown)
  expect(execFileSync('sh', [at], { encoding: 'utf8' })).toBe(`${line.home}\n`)
})

test('scripts lists, installs and uninstalls the one that comes along, in the folder of scripts', async () => {
  const at = path.join(home, 'lib/scripts/flexrex')
  expect((await line.run('scripts', 'ls')).stdout).toBe(table(at, false, false))
  expect((await line.run('scripts', 'i', 'flexrex')).stdout).toBe(table(at, true, false))
  expect((await line.run('scripts', 'list', '-q')).stdout).toBe(`${at}  true  false\n`)
  expect((await line.run('scripts', 'u', 'flexrex')).stdout).toBe('flexrex\n')
  expect(existsSync(at)).toBe(false)
})

test.each(['install', 'uninstall'])('scripts %s knows no other script', async (verb) => {
  const { status, stderr } = await line.run('scripts', verb, 'flexrex', 'user:repo:x')
  expect(status).toBe(1)
  expect(stderr).toContain('script "user:repo:x" does not come along, and nothing is fetched')
  expect(existsSync(path.join(home, 'lib'))).toBe(false)
})
