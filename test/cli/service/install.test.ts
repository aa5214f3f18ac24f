import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemdUnit } from '../../../src/cli/service/unit.ts'
import { CommandLine } from '../../support/command-line.ts'

let root: string
let line: CommandLine
let unit: string
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'install-'))
  unit = path.join(root, 'etc/systemd/system/remora.service')
  line = new CommandLine()
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const image = () => ['--root', root]

test('install writes the unit into an image and enables it; a repeat changes nothing', async () => {
  const first = await line.run('install', ...image())
  expect(first).toEqual({
    status: 0,
    stdout:
      `Remora is now installed as ${unit}.\n` +
      "Once configured it can be started with the command 'systemctl start remora.service'.\n",
    stderr: '',
  })
  const text = systemdUnit({
    command: ['/usr/bin/node', '/opt/remora/dist/main.js'],
    environmentFile: '/etc/rexray/rexray.env',
    stateFolder: '/var/lib/rexray',
  })
  expect(readFileSync(unit, 'utf8')).toBe(text)
  expect(line.steps).toEqual([`systemctl --root=${root} enable remora.service`])
  expect(await line.run('install', ...image())).toEqual(first)
  expect(readFileSync(unit, 'utf8')).toBe(text)
})

test("as rexray, it takes the place of REX-Ray's own unit, and keeps that aside", async () => {
  line.programName = 'rexray'
  const old = path.join(root, 'etc/systemd/system/rexray.service')
  mkdirSync(path.dirname(old), { recursive: true })
  writeFileSync(old, '[Unit]\nDescription=rexray\n')
  const { stdout } = await line.run('install', ...image())
  expect(stdout).toContain(`${old} was another's and is now ${old}.before-remora\n`)
  expect(readFileSync(`${old}.before-remora`, 'utf8')).toContain('Description=rexray')
  expect(readFileSync(old, 'utf8')).toContain('Remora')
})

test('uninstall takes away what install wrote, and nothing else', async () => {
  await line.run('install', ...image())
  expect(await line.run('uninstall', '--package', ...image())).toEqual({
    status: 0,
    stdout: `${unit} is gone; volumes and configuration stay.\n`,
    stderr: '',
  })
  expect(existsSync(unit)).toBe(false)
  writeFileSync(unit, '[Unit]\nDescription=mine\n')
  expect((await line.run('uninstall', ...image())).stdout).toBe(
    `Remora is not installed as ${unit}.\n`,
  )
  expect(existsSync(unit)).toBe(true)
})

test.skipIf(existsSync('/run/systemd/system'))(
  'install says the way out on a machine without systemd',
  async () => {
    expect(await line.run('install')).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'remora: systemd does not run this machine, start the server by remora service start, or install into an image with --root\n',
    })
  },
)

test('a systemctl that says no is an error with what it said', async () => {
  line.runTool = async () => ({ exitCode: 1, stdout: '', stderr: 'Failed to enable\n' })
  const { status, stderr } = await line.run('install', ...image())
  expect(status).toBe(1)
  expect(stderr).toContain('systemctl enable remora.service failed: Failed to enable')
})
