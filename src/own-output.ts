import type { Output } from './cli/context.ts'

/**
 * The outputs of a process. Each stream is made when it is first used: to make one takes as long as all else that a short
 * command does. Whoever reads may stop reading, and what was asked for is done all the same; any other loss of what is
 * printed is a failure of the process.
 */
export class OwnOutput implements Output {
  readonly #process: Pick<NodeJS.Process, 'stdout' | 'stderr' | 'exitCode'>
  #stdout: NodeJS.WriteStream | undefined
  #stderr: NodeJS.WriteStream | undefined
  #isRead = true
  #isLost = false

  constructor(process: Pick<NodeJS.Process, 'stdout' | 'stderr' | 'exitCode'>) {
    this.#process = process
  }

  get stdout(): NodeJS.WriteStream {
    this.#stdout ??= this.#process.stdout.on('error', (error) => this.#noteLoss(error))
    return this.#stdout
  }

  /** A log that cannot be written is no reason to leave containers without their volumes. */
  get stderr(): NodeJS.WriteStream {
    this.#stderr ??= this.#process.stderr.on('error', () => {})
    return this.#stderr
  }

  write(text: string): unknown {
    return this.stdout.write(text)
  }

  /** Whether anybody reads what is printed, as far as printing has shown. */
  get writable(): boolean {
    return this.#isRead
  }

  hasColors(): boolean {
    return this.stdout.isTTY && this.stdout.hasColors()
  }

  /** Whether something was lost that somebody would have read. */
  get isLost(): boolean {
    return this.#isLost
  }

  #noteLoss(error: NodeJS.ErrnoException): void {
    this.#isRead = false
    if (error.code === 'EPIPE') return
    this.#isLost = true
    this.#process.exitCode ||= 1
  }
}
