import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  eventually,
  loopDevices,
  type Outcome,
  outcomeOf,
  projectDirectory,
} from '../support/machine.ts'

let folder: string
let demo: ChildProcess | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-'))
})
afterEach(async () => {
  demo?.kill('SIGTERM')
  await eventually('the demonstration to end', () => processes().length === 0, 60_000)
  rmSync(folder, { recursive: true, force: true })
})

/** The demonstration as a terminal starts it, in a process group, with what it says so far. */
function play(env: NodeJS.ProcessEnv = {}): { said: () => string; ended: Promise<Outcome> } {
  const child = spawn(process.execPath, ['demo/main.mjs'], {
    cwd: projectDirectory,
    detached: true,
    env: { ...process.env, ...env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  demo = child
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  return { said: () => said.join(''), ended: outcomeOf(child) }
}

/** Everything that runs and has something to do with the folder. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) => ['cmdline', 'environ', 'mountinfo'].some((file) => names(pid, file)))
}

function names(pid: string, file: string): boolean {
  try {
    return readFileSync(join('/proc', pid, file), 'utf8').includes(folder)
  } catch {
    return false
  }
}

async function expectNothingLeft(): Promise<void> {
  const left = () => [
    ...processes().map((pid) => `process ${pid}`),
    ...loopDevices().flatMap(({ device, file }) => (file.startsWith(folder) ? [device] : [])),
    ...readdirSync(folder),
  ]
  await eventually('nothing to be left', () => left().length === 0, 60_000).catch(() => {})
  expect(left()).toEqual([])
}

test('the demonstration lets a volume follow its container, and leaves nothing behind', async () => {
  const { status, stdout, stderr } = await play().ended
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(/^one is i-\w+, two is i-\w+; /m)
  expect(stdout).toMatch(/exec db cat \/data\/greeting\nhello\n/)
  expect(stdout).toMatch(/^docker: .* volume "data" is attached to i-\w+ since /m)
  expect(stdout).toMatch(/^two \$ docker run .* cat \/data\/greeting\nhello\n/m)
  expect(stdout).toMatch(/; there is no data\n$/)
  await expectNothingLeft()
})

const interruptions = [
  ['SIGINT', 'start on this machine'],
  ['SIGINT', 'one $ docker run'],
  ['SIGKILL', 'one $ docker exec'],
  ['SIGINT', 'Go on by yourself'],
] as const

test.each(interruptions)('%s after "%s" leaves nothing behind', async (signal, moment) => {
  const { said, ended } = play({ STAY: '1' })
  await eventually(`"${moment}"`, () => said().includes(moment), 90_000)
  expect(processes()).not.toEqual([])
  process.kill(-(demo?.pid ?? 0), signal)
  const { status } = await ended
  expect(status).toBe(signal === 'SIGINT' ? 130 : null)
  await expectNothingLeft()
})
