import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { FailedPreconditionError } from '../../src/libstorage/errors.ts'
import { lastLine, run } from '../../src/libstorage/run.ts'
import { poll } from '../../src/libstorage/wait.ts'

const quick = { timeoutMs: 10_000 }

/** A sleep that nobody else has begun, so that it can be found again. */
const marked = () => `${1_000 + Math.floor(Math.random() * 1_000_000)}.${process.pid}`

async function isGone(argument: string): Promise<boolean> {
  const looked = await run('pgrep', ['-f', `^sleep ${argument}$`], quick)
  return looked.exitCode === 1
}

describe('a tool', () => {
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
      'no-such-tool-of-ours is not installed, install the package that has it',
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
    await expect(left).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
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
