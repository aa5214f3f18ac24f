import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, type Machine, type Outcome, outcomeOf, programPath } from './machine.ts'
import { programEnvironment } from './server-process.ts'

/** A volume as a task names it (Mesos, Volume.Source.DockerVolume). */
export interface TaskVolume {
  readonly driver: string
  readonly name: string
  readonly options?: Readonly<Record<string, string>>
  /** Where the container sees it; where nothing is said, the task uses the path on the machine. */
  readonly containerPath?: string
}

interface Checkpointed {
  readonly [container: string]: readonly TaskVolume[]
}

/** The environment of an agent: `dvdcli` is found by its PATH alone. */
export function agentEnvironment(machine: Machine): NodeJS.ProcessEnv {
  const bin = join(machine.home, 'bin')
  mkdirSync(bin, { recursive: true })
  if (!existsSync(join(bin, 'dvdcli'))) symlinkSync(programPath, join(bin, 'dvdcli'))
  const { REXRAY_HOME: _, ...env } = programEnvironment('')
  return { ...env, PATH: `${bin}:${env['PATH'] ?? ''}` }
}

/** A running container: a mount namespace of its own with the task's volumes bound into it. */
export class MesosContainer {
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Runs a script in the container; resolves with what it said, and throws when it fails. */
  async sh(script: string): Promise<string> {
    const inside = ['-t', String(this.#child.pid), '-m', '--', 'sh', '-ec', script]
    const { status, stdout, stderr } = await outcomeOf(spawn('nsenter', inside))
    if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`)
    return stdout.trim()
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await eventually('the container to end', () => this.#child.exitCode ?? this.#child.signalCode)
  }
}

/**
 * Stands for a Mesos agent with the isolator `docker/volume` (mesos, src/slave/containerizer/mesos/isolators/docker/volume):
 * its command lines, its checkpoint, its order of calls. An agent that is restarted is another object on the same machine.
 */
export class MesosAgent {
  /** Every command line that was run, in order. */
  readonly lines: string[] = []
  readonly #machine: Machine
  readonly #limitMs: number
  readonly #turns = new Map<string, Promise<unknown>>()

  /** `limitMs`: after which a call is killed; the agent's own 120 s unless given. */
  constructor(machine: Machine, limitMs = 120_000) {
    this.#machine = machine
    this.#limitMs = limitMs
  }

  /** Mounts the volumes of a task and starts its container. Rejects with the text that the framework would get. */
  async launch(id: string, volumes: readonly TaskVolume[]): Promise<MesosContainer> {
    const keys = volumes.map(keyOf)
    const twice = keys.find((key, index) => keys.indexOf(key) < index)
    if (twice !== undefined) throw new Error(`Found duplicate docker volume with ${twice}`)
    this.#checkpoint({ ...this.#checkpointed(), [id]: volumes })
    try {
      const paths = await Promise.all(volumes.map((volume) => this.#mount(volume)))
      return await this.#container(id, volumes, paths)
    } catch (error) {
      await this.finish(id).catch(() => undefined)
      throw error
    }
  }

  /** Unmounts what no other container uses, after the container has ended; rejects with what an unmount said. */
  async finish(id: string): Promise<void> {
    const { [id]: volumes = [], ...others } = this.#checkpointed()
    const used = new Set(Object.values(others).flat().map(keyOf))
    const free = volumes.filter((volume) => !used.has(keyOf(volume)))
    this.#checkpoint(others)
    const outcomes = await Promise.all(free.map((volume) => this.#unmount(volume)))
    const failed = outcomes.find(({ status }) => status !== 0)
    if (failed !== undefined) throw new Error(failed.stderr)
  }

  /** What an agent does first: whatever the checkpoint names and nobody runs any more is unmounted. */
  async recover(running: readonly string[]): Promise<void> {
    const orphans = Object.keys(this.#checkpointed()).filter((id) => !running.includes(id))
    for (const id of orphans) await this.finish(id)
  }

  /** Runs dvdcli as the isolator does: no shell, nothing on stdin, a limit on its time. */
  async dvdcli(...args: string[]): Promise<Outcome> {
    this.lines.push(['dvdcli', ...args].join(' '))
    const child = this.#machine.spawn('dvdcli', args, {
      env: agentEnvironment(this.#machine),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const limit = setTimeout(() => child.kill('SIGKILL'), this.#limitMs)
    const outcome = await outcomeOf(child)
    clearTimeout(limit)
    return outcome
  }

  #mount(volume: TaskVolume): Promise<string> {
    return this.#inTurn(volume, async () => {
      const options = Object.entries(volume.options ?? {}).map(
        ([name, value]) => `--volumeopts=${name}=${value}`,
      )
      const { status, stdout, stderr } = await this.dvdcli('mount', ...named(volume), ...options)
      if (status !== 0) throw new Error(`Cannot mount ${keyOf(volume)}: ${stderr}`)
      return stdout.trim()
    })
  }

  #unmount(volume: TaskVolume): Promise<Outcome> {
    return this.#inTurn(volume, () => this.dvdcli('unmount', ...named(volume)))
  }

  /** Calls about one volume never overlap. */
  #inTurn<T>(volume: TaskVolume, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(keyOf(volume)) ?? Promise.resolve()
    const turn = before.then(work, work)
    this.#turns.set(keyOf(volume), turn)
    return turn
  }

  /** MS_BIND | MS_REC of each path into a mount namespace of the container's own. */
  async #container(
    id: string,
    volumes: readonly TaskVolume[],
    paths: readonly string[],
  ): Promise<MesosContainer> {
    const binds = volumes.flatMap(({ containerPath }, index) => {
      if (containerPath === undefined) return []
      mkdirSync(containerPath, { recursive: true })
      return [paths[index] ?? '', containerPath]
    })
    const args = ['-m', '--propagation', 'slave', 'sh', '-ec', BIND, id, ...binds]
    const child = this.#machine.spawn('unshare', args, { stdio: ['pipe', 'pipe', 'pipe'] })
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once('data', () => resolve())
      child.once('exit', (code) => reject(new Error(`the container ended with ${code}`)))
    })
    return new MesosContainer(child)
  }

  get #file(): string {
    return join(this.#machine.home, 'mesos/volumes.json')
  }

  #checkpointed(): Checkpointed {
    return existsSync(this.#file) ? JSON.parse(readFileSync(this.#file, 'utf8')) : {}
  }

  #checkpoint(containers: Checkpointed): void {
    mkdirSync(join(this.#machine.home, 'mesos'), { recursive: true })
    if (Object.keys(containers).length === 0) rmSync(this.#file, { force: true })
    else writeFileSync(this.#file, JSON.stringify(containers))
  }
}

const BIND = `
while [ $# -gt 0 ]; do mount -n --rbind "$1" "$2"; shift 2; done
echo ready
exec cat > /dev/null
`

function named({ driver, name }: TaskVolume): string[] {
  return [`--volumedriver=${driver}`, `--volumename=${name}`]
}

function keyOf({ driver, name }: TaskVolume): string {
  return `driver '${driver}' and name '${name}'`
}
