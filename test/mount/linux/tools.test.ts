import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { identifySelf, isProvablyDead } from '../../../src/libstorage/process-identity.ts'
import { ToolRunner } from '../../../src/libstorage/tool-runner.ts'
import { poll } from '../../../src/libstorage/wait.ts'
import type { ToolRecord } from '../../../src/mount/ledger-record.ts'
import { runDeviceTool } from '../../../src/mount/linux/tools.ts'
import { bundleChild, LineProcess } from '../../support/child-process.ts'
import { DiskWorld } from '../../support/disk-world.ts'
import { unnoted } from '../../support/kernel-world.ts'

/** What these tools would change. */
const disk = { device: '/dev/none' }

let world: DiskWorld
let scratch: string
let tools: ToolRunner
beforeEach(() => {
  world = new DiskWorld()
  scratch = world.folder('scratch')
  tools = new ToolRunner({ scratchDirectory: scratch, atOnce: 2, turnMs: 100 })
})
afterEach(async () => {
  await tools.close()
  await world.end()
})

const soon = (is: () => boolean) =>
  poll(async () => is() || undefined, { intervalMs: 20, timeoutMs: 8_000 })

describe('a tool that changes a device', () => {
  test('is named with its process before it begins', async () => {
    const marker = world.path('begun')
    const named: ToolRecord[] = []
    await runDeviceTool(disk, ['touch', marker], tools.runBehindGate, async (tool) => {
      named.push(tool)
      expect(existsSync(marker)).toBe(false)
      expect(isProvablyDead(tool.process)).toBe(false)
    })
    expect(existsSync(marker)).toBe(true)
    expect(named).toMatchObject([{ command: 'touch', process: { bootId: identifySelf().bootId } }])
    expect(named.every((tool) => isProvablyDead(tool.process))).toBe(true)
  })

  test('does not begin when it could not be named', async () => {
    const marker = world.path('begun')
    const named: ToolRecord[] = []
    const refused = runDeviceTool(disk, ['touch', marker], tools.runBehindGate, async (tool) => {
      named.push(tool)
      throw new Error('the disk is full')
    })
    await expect(refused).rejects.toThrow('the disk is full')
    expect(await soon(() => named.every((tool) => isProvablyDead(tool.process)))).toBe(true)
    expect(existsSync(marker)).toBe(false)
  })

  test('gives its exit status and all that it said, and leaves no file', async () => {
    const script = 'echo one; echo two >&2; exit 3'
    const result = await runDeviceTool(disk, ['sh', '-c', script], tools.runBehindGate, unnoted)
    expect(result).toEqual({ exitCode: 3, stdout: 'one\ntwo\n', stderr: '' })
    const files = () =>
      readdirSync(scratch).flatMap((folder) => readdirSync(`${scratch}/${folder}`))
    await expect.poll(files).toEqual([])
  })

  test('gets its arguments as they are', async () => {
    const result = await runDeviceTool(
      disk,
      ['printf', '%s|', 'a b', '$(id)', '"'],
      tools.runBehindGate,
      unnoted,
    )
    expect(result.stdout).toBe('a b|$(id)|"|')
  })

  test('that is killed did not succeed', async () => {
    const result = await runDeviceTool(
      disk,
      ['sh', '-c', 'kill -9 $$'],
      tools.runBehindGate,
      unnoted,
    )
    expect(result.exitCode).toBe(137)
  })

  test.each([
    [
      'mkfs.of-ours',
      'mkfs.of-ours is not installed on this machine, install the package that has it',
    ],
    [
      'no-such-tool',
      'no-such-tool is not installed on this machine, install the package that has it',
    ],
  ])('that is not installed is named: %s', async (command, message) => {
    await expect(
      runDeviceTool(disk, [command], tools.runBehindGate, unnoted),
    ).rejects.toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message,
    })
  })
})

describe('when the process that began a tool is killed', () => {
  async function startAndKill(naming: 'named' | 'never'): Promise<ToolRecord> {
    const program = await bundleChild('tool-child.ts', world.folder('bundle'))
    const parent = new LineProcess(program, [scratch, world.folder('target'), naming])
    world.atEnd(() => parent.kill())
    const tool: ToolRecord = JSON.parse(await parent.ask('go'))
    if (naming === 'named') await soon(() => existsSync(world.path('target', 'begun')))
    await parent.kill()
    return tool
  }

  test('the tool that has begun is finished all the same', async () => {
    const tool = await startAndKill('named')
    expect(isProvablyDead(tool.process)).toBe(false)
    expect(await soon(() => isProvablyDead(tool.process))).toBe(true)
    expect(existsSync(world.path('target', 'ended'))).toBe(true)
  })

  test('the tool that was not yet named never begins', async () => {
    const tool = await startAndKill('never')
    expect(await soon(() => isProvablyDead(tool.process))).toBe(true)
    expect(readdirSync(world.path('target'))).toEqual([])
  })
})

test('a tool whose end nobody reports any more is given up when it has ended', async () => {
  const run = runDeviceTool(
    disk,
    ['sleep', '1'],
    tools.runBehindGate,
    async ({ process: tool }) => {
      process.kill(parentOf(tool.pid), 'SIGKILL')
    },
  )
  await expect(run).rejects.toThrow('sleep has ended, and what reports how was killed, try again')
})

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}
