import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { FailedPreconditionError } from '../../src/libstorage/errors.ts'
import { lastLine, type Run, run as runDirectly } from '../../src/libstorage/run.ts'
import { ToolRunner } from '../../src/libstorage/tool-runner.ts'
import { poll } from '../../src/libstorage/wait.ts'

const scratchDirectory = mkdtempSync(path.join(tmpdir(), 'run-'))
const tools = new ToolRunner({ scratchDirectory, atOnce: 2, turnMs: 100 })

afterAll(async () => {
  await tools.close()
  rmSync(scratchDirectory, { recursive: true })
})

const ways: readonly { readonly how: string; readonly run: Run }[] = [
  { how: 'directly', run: runDirectly },
  { how: 'by a process that runs tools', run: tools.run },
]

const quick = { timeoutMs: 10_000 }

/** A sleep that nobody else has begun, so that it can be found again. */
const marked = () => `${1_000 + Math.floor(Math.random() * 1_000_000)}.${process.pid}`

async function isGone(argument: string): Promise<boolean> {
  const looked = await runDirectly('pgrep', ['-f', `^sleep ${argument}$`], quick)
  return looked.exitCode === 1
}

describe.each(ways)('a tool that is run $how', ({ run }) => {
  test('is an answer, whatever its exit status', async () => {
    const result = await run('sh', ['-c', 'echo out; echo err >&2; exit 7'], quick)
    expect(result).toEqual({ exitCode: 7, stdout: 'out\n', stderr: 'err\n' })
  })

  test('gets its input, and its arguments as they are', async () => {
    const result = await run('sh', ['-c', 'cat; echo "$1"', 'sh', '$(id) "x"'], {
      ...quick,
      input: 'given\n',
    })
    expect(result.stdout).toBe('given\n$(id) "x"\n')
  })

  test('has nothing to read where no input is given', async () => {
    expect(await run('cat', [], quick)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  })

  test.each([126, 127])('may itself end with %d', async (exitCode) => {
    const result = await run('sh', ['-c', `echo why >&2; exit ${exitCode}`], quick)
    expect(result).toEqual({ exitCode, stdout: '', stderr: 'why\n' })
  })

  test('may say much, of both kinds', async () => {
    const script =
      'head -c 3000000 /dev/zero | tr "\\0" x; head -c 200000 /dev/zero | tr "\\0" y >&2'
    const { stdout, stderr } = await run('sh', ['-c', script], quick)
    expect([stdout.length, stderr.length]).toEqual([3_000_000, 200_000])
    expect(stdout).toMatch(/^x+$/)
    expect(stderr).toMatch(/^y+$/)
  })

  test('has the environment and the directory of this process', async () => {
    const { stdout } = await run('sh', ['-c', 'echo "$PATH"; pwd -P'], quick)
    expect(stdout).toBe(`${process.env['PATH']}\n${process.cwd()}\n`)
  })

  test('may be given very long arguments', async () => {
    const long = 'x'.repeat(100_000)
    const { stdout } = await run('printf', ['%s', long], quick)
    expect(stdout).toBe(long)
  })

  test('cannot be given a NUL', async () => {
    await expect(run('echo', ['a\0b'], quick)).rejects.toThrow('null bytes')
  })

  test('is a program, not what a shell has built in', async () => {
    await expect(run('exit', [], quick)).rejects.toThrow('exit is not installed')
  })

  test('that may not be executed is a refusal, or what a shell answers then', async () => {
    const outcome = await run(import.meta.filename, [], quick).then(
      ({ exitCode }) => exitCode,
      ({ code }) => code,
    )
    expect(['ERR_FAILED_PRECONDITION', 126]).toContain(outcome)
  })

  test('that does not read its input is no error', async () => {
    const input = 'x'.repeat(1_000_000)
    expect((await run('true', [], { ...quick, input })).exitCode).toBe(0)
  })

  test.each(['SIGHUP', 'SIGKILL', 'SIGTERM', 'SIGSEGV', 'SIGABRT'] as const)(
    'that ends by %s has the exit status a shell would tell',
    async (signal) => {
      const number = constants.signals[signal]
      const result = await run('sh', ['-c', `ulimit -c 0; kill -${number} $$`], quick)
      expect(result.exitCode).toBe(128 + number)
    },
  )

  test('that is not installed is named, with the way out', async () => {
    const missing = run('no-such-tool-of-ours', [], quick)
    await expect(missing).rejects.toThrow(FailedPreconditionError)
    await expect(missing).rejects.toThrow(
      'no-such-tool-of-ours is not installed on this machine, install the package that has it',
    )
  })

  test('that does not end in time is killed, and named', async () => {
    const argument = marked()
    await expect(run('sleep', [argument], { timeoutMs: 200 })).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: 'sleep did not end within 0.2 s',
    })
    const gone = await poll(async () => (await isGone(argument)) || undefined, {
      intervalMs: 50,
      timeoutMs: 5_000,
    })
    expect(gone).toBe(true)
  })

  test('that leaves its output open to a child of its own does not hold us up for ever', async () => {
    const left = run('sh', ['-c', 'sleep 3 & exit 0'], { timeoutMs: 200 })
    const outcome = await left.then(
      ({ exitCode }) => exitCode,
      ({ code }) => code,
    )
    expect([0, 'ERR_TIMEOUT']).toContain(outcome)
  })

  test('that will not be ended by SIGTERM is killed all the same', async () => {
    const argument = marked()
    const stubborn = run('sh', ['-c', `trap "" TERM; exec sleep ${argument}`], { timeoutMs: 200 })
    await expect(stubborn).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await expect.poll(() => isGone(argument)).toBe(true)
  })

  test('is killed when the caller goes away', async () => {
    const leaving = new AbortController()
    const argument = marked()
    const slept = run('sleep', [argument], { timeoutMs: 60_000, signal: leaving.signal })
    leaving.abort()
    await expect(slept).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    const gone = await poll(async () => (await isGone(argument)) || undefined, {
      intervalMs: 50,
      timeoutMs: 5_000,
    })
    expect(gone).toBe(true)
  })

  test('does not begin for a caller that has gone', async () => {
    const file = `/tmp/remora-run-${marked()}`
    const never = run('touch', [file], { ...quick, signal: AbortSignal.abort() })
    await expect(never).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect(() => readFileSync(file)).toThrow('ENOENT')
  })
})

describe('the last line a tool said', () => {
  test('is the last one that is not empty, of its errors before its output', () => {
    const said = { exitCode: 1, stdout: 'out\n', stderr: 'first\n  second \n\n' }
    expect(lastLine(said)).toBe('second')
    expect(lastLine({ ...said, stderr: '' })).toBe('out')
  })

  test('is the exit status where it said nothing', () => {
    expect(lastLine({ exitCode: 3, stdout: '', stderr: '\n' })).toBe('exit status 3')
  })
})
