import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { afterEach, describe, expect, test } from 'vitest'
import {
  identifyProcess,
  identifySelf,
  isProvablyDead,
  type ProcessIdentity,
  processIdentitySchema,
} from '../../src/libstorage/process-identity.ts'
import { poll } from '../../src/libstorage/wait.ts'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

function start(command = 'sleep', args: readonly string[] = ['100']): ChildProcess {
  const child = spawn(command, args, { stdio: 'ignore' })
  children.push(child)
  return child
}

function identityOf(child: ChildProcess): ProcessIdentity {
  const identity = identifyProcess(child.pid)
  if (identity === undefined) throw new Error('the child has not begun')
  return identity
}

async function ended(child: ChildProcess): Promise<void> {
  await new Promise((resolve) => child.once('exit', resolve))
}

/** What a process without CAP_SYS_PTRACE, as a managed plugin is, takes for provably dead. */
async function judgedWithoutPtrace(identities: readonly unknown[]): Promise<readonly boolean[]> {
  const rooms = path.join(import.meta.dirname, '../../src/libstorage')
  const built = await build({
    stdin: {
      contents: `import { isProvablyDead } from './process-identity.ts'
        console.log(JSON.stringify(${JSON.stringify(identities)}.map(isProvablyDead)))`,
      resolveDir: rooms,
    },
    bundle: true,
    platform: 'node',
    write: false,
  })
  const { stdout } = spawnSync('setpriv', ['--bounding-set=-sys_ptrace', process.execPath, '-'], {
    input: built.outputFiles[0]?.text,
    encoding: 'utf8',
  })
  return JSON.parse(stdout)
}

describe('a process', () => {
  test('is itself, by the same identity every time, also through a file', () => {
    const self = identifySelf()
    expect(self.pid).toBe(process.pid)
    expect(identifyProcess(process.pid)).toEqual(self)
    expect(processIdentitySchema.parse(JSON.parse(JSON.stringify(self)))).toEqual(self)
    expect(isProvablyDead(self)).toBe(false)
  })

  test('is alive while it runs, also when it is stopped, and dead when it has ended', async () => {
    const child = start()
    const identity = identityOf(child)
    expect(isProvablyDead(identity)).toBe(false)
    child.kill('SIGSTOP')
    expect(isProvablyDead(identity)).toBe(false)
    child.kill('SIGKILL')
    await ended(child)
    expect(isProvablyDead(identity)).toBe(true)
    expect(identifyProcess(identity.pid)).toBeUndefined()
  })

  test('is dead when nobody has taken note of its end', async () => {
    const parent = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 100'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    children.push(parent)
    const text = await new Promise<Buffer>((resolve) => parent.stdout.once('data', resolve))
    const pid = Number(text.toString())
    const zombie = await poll(
      async () => {
        const identity = identifyProcess(pid)
        return identity !== undefined && isProvablyDead(identity) ? identity : undefined
      },
      { intervalMs: 20, timeoutMs: 5_000 },
    )
    expect(zombie?.pid).toBe(pid)
  })

  test('is dead when another one has its pid', () => {
    const identity = identifySelf()
    expect(isProvablyDead({ ...identity, startTime: '1' })).toBe(true)
  })

  test('of another boot is dead', () => {
    const bootId = '00000000-0000-0000-0000-000000000000'
    expect(isProvablyDead({ ...identifySelf(), bootId })).toBe(true)
  })

  test.skipIf(process.getuid?.() !== 0)(
    'of another pid namespace of this boot may be alive as long as that has processes',
    async () => {
      const script = 'readlink /proc/self/ns/pid; sleep 60'
      const container = spawn('unshare', ['-p', '-f', '--kill-child', 'sh', '-c', script])
      const [said] = await once(container.stdout, 'data')
      const pidNamespace = String(said).trim()
      const elsewhere = { ...identifySelf(), pidNamespace, pid: 2 ** 30, startTime: '1' }
      expect(isProvablyDead(elsewhere)).toBe(false)
      container.kill('SIGKILL')
      await expect.poll(() => isProvablyDead(elsewhere)).toBe(true)
    },
  )

  test.skipIf(process.getuid?.() !== 0)(
    'of another pid namespace may be alive also where that may not be looked at, as in a managed plugin',
    async () => {
      const container = spawn('unshare', [
        '-p',
        '-f',
        '--kill-child',
        'sh',
        '-c',
        'echo; exec sleep 60',
      ])
      children.push(container)
      await once(container.stdout, 'data')
      const [inside] = readFileSync(
        `/proc/${container.pid}/task/${container.pid}/children`,
        'utf8',
      ).split(' ')
      const seen = identifyProcess(Number(inside))
      const pidNamespace = readlinkSync(`/proc/${inside}/ns/pid`)
      const living = { ...seen, pidNamespace, pid: 1 }
      const dead = [
        { ...living, pid: 2 },
        { ...living, startTime: '1' },
      ]
      expect(await judgedWithoutPtrace([living, ...dead])).toEqual([false, true, true])
    },
  )

  test('is told by its start also where its name holds spaces and parentheses', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'remora-name-'))
    try {
      const program = path.join(folder, 'a) Z 1 (b')
      copyFileSync('/bin/sleep', program)
      const [odd, plain] = [start(program), start()]
      expect(identityOf(odd).pid).toBe(odd.pid)
      expect(isProvablyDead(identityOf(odd))).toBe(false)
      const difference = Number(identityOf(plain).startTime) - Number(identityOf(odd).startTime)
      expect(Math.abs(difference)).toBeLessThan(6_000)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
