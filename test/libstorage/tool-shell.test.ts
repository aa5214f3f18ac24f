import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { identifyProcess, isProvablyDead } from '../../src/libstorage/process-identity.ts'
import { ToolRunner } from '../../src/libstorage/tool-runner.ts'
import { sleep } from '../../src/libstorage/wait.ts'

let home = ''
let tools: ToolRunner

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'tool-shell-'))
  tools = new ToolRunner({ scratchDirectory: path.join(home, 'scratch'), atOnce: 4, turnMs: 100 })
})

afterEach(async () => {
  await tools.close()
  rmSync(home, { recursive: true, force: true })
})

describe('tools behind a gate', () => {
  test('asked for at once begin each after its own opening, and never when that failed', async () => {
    const marker = (index: number) => path.join(home, `begun-${index}`)
    const asked = Array.from({ length: 12 }, (_, index) =>
      tools.runBehindGate('sh', ['-c', 'echo > "$1"; exit 3', 'sh', marker(index)], async () => {
        expect(existsSync(marker(index))).toBe(false)
        if (index % 3 === 0) throw new Error('not this one')
      }),
    )
    const outcomes = await Promise.allSettled(asked)
    for (const [index, outcome] of outcomes.entries()) {
      const begins = index % 3 !== 0
      expect(existsSync(marker(index))).toBe(begins)
      if (outcome.status === 'fulfilled') expect(outcome.value.exitCode).toBe(3)
      else expect(outcome.reason.message).toBe('not this one')
      expect(outcome.status === 'fulfilled').toBe(begins)
    }
  })

  test('do not begin when they are killed there, nor does another in their place', async () => {
    const marker = path.join(home, 'begun')
    const killed = tools.runBehindGate('touch', [marker], async (pid) => {
      const identity = identifyProcess(pid)
      process.kill(pid, 'SIGKILL')
      await expect.poll(() => identity && isProvablyDead(identity)).toBe(true)
    })
    await Promise.allSettled([killed])
    await tools.runBehindGate('true', [], () => sleep(100))
    expect(existsSync(marker)).toBe(false)
  })

  test('begin and end as they would have when the process that runs tools is killed', async () => {
    const outcome = tools.runBehindGate('sh', ['-c', 'echo said; exit 3'], async () => {
      process.kill(tools.pid ?? 0, 'SIGKILL')
      await expect.poll(() => tools.pid).toBeUndefined()
    })
    await expect(outcome).resolves.toEqual({ exitCode: 3, stdout: 'said\n', stderr: '' })
    const next = await tools.runBehindGate('echo', ['again'], async () => {})
    expect(next.stdout).toBe('again\n')
  })

  test('are not begun any more after the close', async () => {
    await tools.close()
    await expect(tools.runBehindGate('true', [], async () => {})).rejects.toMatchObject({
      code: 'ERR_UNAVAILABLE',
    })
  })
})
