import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually, type Outcome, outcomeOf, programPath } from '../support/machine.ts'
import { callPlugin } from '../support/plugin-calls.ts'

const NOBODY = 65_534

let folder: string
let server: ChildProcess
let said: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'remora-user-'))
  chmodSync(folder, 0o755)
  // Where root's own node and program lie nobody else may look.
  cpSync(process.execPath, join(folder, 'node'))
  cpSync(dirname(programPath), join(folder, 'dist'), { recursive: true })
  mkdirSync(join(folder, 'home'))
  chownSync(join(folder, 'home'), NOBODY, NOBODY)
  server = asUser('start')
  said = ''
  for (const stream of [server.stdout, server.stderr])
    stream?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await eventually('the server to say what to try', () => said.includes('volume ls'))
})

afterEach(async () => {
  server.kill('SIGTERM')
  await eventually(
    'the server to end',
    () => server.exitCode !== null || server.signalCode !== null,
  )
  rmSync(folder, { recursive: true, force: true })
})

function asUser(...args: readonly string[]): ChildProcess {
  return spawn(join(folder, 'node'), [join(folder, 'dist/main.js'), ...args], {
    uid: NOBODY,
    gid: NOBODY,
    cwd: '/',
    env: { HOME: join(folder, 'home'), PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

const command = (...args: readonly string[]): Promise<Outcome> => outcomeOf(asUser(...args))

const call = (name: string, body: object) =>
  callPlugin({ socket: join(folder, 'home/.rexray/run/docker/plugins/rexray.sock') }, name, body)

test('who is not root gets directories as volumes, below the own home, and is told why', async () => {
  expect(said).toContain('driver vfs')
  expect(said).toMatch(/nothing is configured and loop needs root/)
  expect(await call('Create', { Name: 'data' })).toMatchObject({ body: { Err: '' } })
  const { body } = await call('Mount', { Name: 'data', ID: 'a' })
  const mountpoint = String(body['Mountpoint'])
  expect(body).toEqual({ Mountpoint: mountpoint, Err: '' })
  expect(mountpoint).toContain(join(folder, 'home/.rexray'))
  expect(statSync(mountpoint).uid).toBe(NOBODY)
  expect(await command('volume', 'path', 'data')).toMatchObject({
    status: 0,
    stdout: `${mountpoint}\n`,
  })
  expect(await call('Unmount', { Name: 'data', ID: 'a' })).toMatchObject({ body: { Err: '' } })
  expect(await command('volume', 'rm', 'data')).toMatchObject({ status: 0, stderr: '' })
  expect((await command('volume', 'ls', '-q')).stdout).toBe('')
})
