import { spawn } from 'node:child_process'
import { run } from '../../src/libstorage/run.ts'
import { ToolRunner } from '../../src/libstorage/tool-runner.ts'
import { createLinuxMounter } from '../../src/mount/linux/linux-mounter.ts'
import type { Mounter, ToolStarting } from '../../src/mount/mounter.ts'
import { DiskWorld } from './disk-world.ts'

/** Lets every tool begin without noting it. */
export const unnoted: ToolStarting = async () => {}

/** The real kernel, with disks of a test's own. */
export class KernelWorld extends DiskWorld {
  readonly tools = new ToolRunner({
    scratchDirectory: this.path('scratch'),
    atOnce: 2,
    turnMs: 100,
  })
  readonly mounter: Mounter = createLinuxMounter(
    run,
    this.tools.runBehindGate,
    this.path('scratch'),
  )

  constructor() {
    super()
    this.atEnd(() => this.tools.close())
  }

  /** A program that runs until the test ends; resolves with its pid when it has said something. */
  async program(command: string, ...args: readonly string[]): Promise<number> {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    this.atEnd(async () => {
      child.kill('SIGKILL')
      await ended
    })
    await new Promise((resolve, reject) => {
      child.stdout.once('data', resolve)
      child.once('error', reject)
      child.once('exit', () => reject(new Error(`${command} ended before it said anything`)))
    })
    return child.pid ?? 0
  }

  /** A program in a mount namespace of its own, as a container is: it keeps the mounts that are there now. */
  container(): Promise<number> {
    const args = ['--mount', '--propagation', 'private', 'sh', '-c', 'echo ready; read -r end']
    return this.program('unshare', ...args)
  }
}
