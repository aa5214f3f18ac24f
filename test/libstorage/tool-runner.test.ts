import { setMaxListeners } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { leftoverName } from '../../src/libstorage/leftover.ts'
import { identifySelf } from '../../src/libstorage/process-identity.ts'
import { run } from '../../src/libstorage/run.ts'
import { ToolRunner } from '../../src/libstorage/tool-runner.ts'
import { bundleChild, LineProcess } from '../support/child-process.ts'

const quick = { timeoutMs: 20_000 }
let home = ''
let scratchDirectory = ''
let tools: ToolRunner

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'tool-runner-'))
  scratchDirectory = path.join(home, 'scratch')
  tools = new ToolRunner({ scratchDirectory, atOnce: 4, turnMs: 100 })
})

afterEach(async () => {
  await tools.close()
  await run('umount', ['-l', scratchDirectory], quick)
  rmSync(home, { recursive: true, force: true })
})

/** The processes whose parent is the process that runs tools, as `ps` shows them: state and command. */
async function children(): Promise<string[]> {
  const { stdout } = await run('ps', ['--ppid', String(tools.pid), '-o', 'stat=,args='], quick)
  return stdout.split('\n').filter((line) => line !== '')
}

const files = () =>
  readdirSync(scratchDirectory).flatMap((folder) =>
    readdirSync(path.join(scratchDirectory, folder)),
  )

function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ')
  } catch {
    return false
  }
}

function killRunner(): number {
  const { pid } = tools
  if (pid === undefined) throw new Error('no process runs tools')
  process.kill(pid, 'SIGKILL')
  return pid
}

test('arguments come out as they went in', async () => {
  const word = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({
      unit: fc.constantFrom(...`'"\\$\`\n\r\t !#&;|<>(){}[]*?~=%-\x7f\x81é`),
      maxLength: 30,
    }),
  )
  const words = fc.array(
    word.map((text) => text.replaceAll('\0', '')),
    { maxLength: 6 },
  )
  await fc.assert(
    fc.asyncProperty(words, async (args) => {
      const { stdout } = await tools.run('sh', ['-c', 'printf "%s\\0" "$@"', 'sh', ...args], quick)
      expect(stdout).toBe(args.length === 0 ? '\0' : args.map((arg) => `${arg}\0`).join(''))
    }),
    { numRuns: 150 },
  )
})

test('the folder for output may have any name', async () => {
  scratchDirectory = path.join(home, `it's "$(id)"\n`)
  const there = new ToolRunner({ scratchDirectory, atOnce: 4, turnMs: 100 })
  expect((await there.run('echo', ['said'], quick)).stdout).toBe('said\n')
  await expect(there.run('no-such-tool', [], quick)).rejects.toThrow('is not installed')
  await there.close()
  expect(readdirSync(scratchDirectory)).toEqual([])
})

test('a tool has no more files open than one that is run directly', async () => {
  const list = ['-c', 'ls /proc/$$/fd']
  const { stdout } = await tools.run('sh', list, quick)
  expect(stdout).toBe((await run('sh', list, quick)).stdout)
})

describe('many tools', () => {
  test('asked for at once all run, each with its own output', async () => {
    const asked = Array.from({ length: 500 }, (_, index) => `tool ${index}`)
    const results = await Promise.all(asked.map((name) => tools.run('echo', [name], quick)))
    expect(results.map(({ stdout }) => stdout)).toEqual(asked.map((name) => `${name}\n`))
    await expect.poll(files).toEqual([])
  })

  test('one after the other leave no process behind, and the one that ran them small', async () => {
    const residentKiB = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${tools.pid}/status`, 'utf8'))?.[1])
    const hundreds = async (count: number) => {
      for (let index = 0; index < count; index++)
        await Promise.all(Array.from({ length: 100 }, () => tools.run('true', [], quick)))
    }
    await hundreds(1)
    const before = residentKiB()
    await hundreds(9)
    await expect.poll(children).toEqual([])
    expect(residentKiB() - before).toBeLessThan(512)
  }, 60_000)

  test('that hang keep others waiting no longer than a turn', async () => {
    const leaving = new AbortController()
    setMaxListeners(0, leaving.signal)
    const hanging = Array.from({ length: 12 }, () =>
      tools.run('sleep', ['60'], { timeoutMs: 60_000, signal: leaving.signal }),
    )
    const ended = Promise.allSettled(hanging)
    expect((await tools.run('echo', ['said'], quick)).stdout).toBe('said\n')
    leaving.abort()
    expect((await ended).every(({ status }) => status === 'rejected')).toBe(true)
    await expect.poll(children).toEqual([])
  })

  test('that wait for their turn do not begin when the caller goes away', async () => {
    const leaving = new AbortController()
    setMaxListeners(0, leaving.signal)
    const file = path.join(home, 'touched')
    const asked = Array.from({ length: 20 }, () =>
      tools.run('touch', [file], { ...quick, signal: leaving.signal }),
    )
    leaving.abort()
    const outcomes = await Promise.allSettled(asked)
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
    expect((await tools.run('true', [], quick)).exitCode).toBe(0)
    await expect.poll(children).toEqual([])
  })
})

describe('the process that runs tools', () => {
  test('has a session of its own', async () => {
    tools.start()
    const { stdout } = await run('ps', ['-o', 'sid=', '-p', String(tools.pid)], quick)
    expect(Number(stdout)).toBe(tools.pid)
  })

  test('is replaced when it was killed, and what it began ends as it would have', async () => {
    const began = path.join(home, 'began')
    const script = 'echo > "$1"; sleep 0.5; echo said; exit 3'
    const underWay = tools.run('sh', ['-c', script, 'sh', began], quick)
    await expect.poll(() => existsSync(began)).toBe(true)
    const killed = killRunner()
    await expect(underWay).resolves.toEqual({ exitCode: 3, stdout: 'said\n', stderr: '' })
    expect((await tools.run('echo', ['again'], quick)).stdout).toBe('again\n')
    expect(tools.pid).not.toBe(killed)
  })

  test('loses no call silently when it is killed at any moment', async () => {
    const asked = Array.from({ length: 200 }, () => tools.run('echo', ['said'], quick))
    const outcomes = Promise.allSettled(asked)
    for (let count = 0; count < 3; count++) {
      await tools.run('true', [], quick).catch(() => {})
      if (tools.pid !== undefined) killRunner()
    }
    for (const outcome of await outcomes) {
      if (outcome.status === 'fulfilled') expect(outcome.value.stdout).toBe('said\n')
      else expect(outcome.reason).toMatchObject({ code: 'ERR_UNAVAILABLE' })
    }
    await expect.poll(() => tools.run('true', [], quick).catch(() => {})).toBeDefined()
  })

  test('is heeded no longer than the limit while it does not move', async () => {
    tools.start()
    const { pid } = tools
    process.kill(pid ?? 0, 'SIGSTOP')
    const stuck = tools.run('true', [], { timeoutMs: 200 })
    await expect(stuck).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    process.kill(pid ?? 0, 'SIGCONT')
    expect((await tools.run('echo', ['said'], quick)).stdout).toBe('said\n')
  })

  test('goes with its owner, whose leftovers the next owner sweeps; a tool under way ends by itself', async () => {
    const child = new LineProcess(await bundleChild('tool-runner-child.ts', home), [
      scratchDirectory,
      home,
    ])
    const pid = Number(await child.ask('start'))
    expect(isRunning(pid)).toBe(true)
    await expect.poll(() => existsSync(path.join(home, 'begun'))).toBe(true)
    await child.kill()
    await expect.poll(() => isRunning(pid)).toBe(false)
    const [left] = readdirSync(scratchDirectory)
    tools.start()
    expect(readdirSync(scratchDirectory)).toHaveLength(1)
    expect(readdirSync(scratchDirectory)).not.toContain(left)
    await expect.poll(() => existsSync(path.join(home, 'ended'))).toBe(true)
  })

  test('ends when it is closed, after what is under way; then tools are run directly', async () => {
    const underWay = tools.run('sh', ['-c', 'sleep 0.2; echo said'], quick)
    await tools.run('true', [], quick)
    const { pid } = tools
    await tools.close()
    expect((await underWay).stdout).toBe('said\n')
    expect(isRunning(pid ?? 0)).toBe(false)
    expect(readdirSync(scratchDirectory)).toEqual([])
    expect((await tools.run('echo', ['still'], quick)).stdout).toBe('still\n')
  })
})

describe('the scratch directory', () => {
  test('keeps what belongs to living processes and to others', () => {
    const ours = leftoverName('tools')
    const dead = leftoverName('tools', { ...identifySelf(), startTime: '1' })
    for (const name of [ours, dead, 'tool-x'])
      mkdirSync(path.join(scratchDirectory, name), { recursive: true })
    tools.start()
    const kept = readdirSync(scratchDirectory)
    expect(kept).toEqual(expect.arrayContaining([ours, 'tool-x']))
    expect(kept).not.toContain(dead)
  })

  test('is made anew where somebody has removed it', async () => {
    tools.start()
    rmSync(scratchDirectory, { recursive: true })
    expect((await tools.run('true', [], quick)).exitCode).toBe(0)
  })

  test.skipIf(process.getuid?.() !== 0)(
    'that is full makes a call fail instead of answering without its output',
    async () => {
      mkdirSync(scratchDirectory)
      await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', scratchDirectory], quick)
      tools.start()
      await run('sh', ['-c', 'cat /dev/zero > "$1"', 'sh', `${scratchDirectory}/full`], quick)
      const asked = tools.run('sh', ['-c', 'echo said; exit 2'], quick)
      await expect(asked).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' })
      rmSync(`${scratchDirectory}/full`)
      expect((await tools.run('echo', ['said'], quick)).stdout).toBe('said\n')
    },
  )
})
