import { type Machine, type Outcome, outcomeOf } from './machine.ts'
import { agentEnvironment } from './mesos-agent.ts'

/** The variables of a task, as frameworks set them. */
export type TaskEnvironment = Readonly<Record<string, string>>

/** One slot of them, by the last word of each name: `OPTS`. */
type WantedVolume = ReadonlyMap<string, string>

interface SharedMount {
  readonly path: string
  readonly users: Set<string>
}

const VARIABLE =
  /^DVDI_VOLUME_(?<what>NAME|DRIVER|OPTS|CONTAINERPATH|DVDCLI|EXPLICITCREATE)(?<slot>\d?)$/
/** What the module refuses in a value that reaches the shell. */
const PROHIBITED = /[%/:;\0<>|`$'?^&\s{"}[\]\b]/

/**
 * Stands for the older isolator mesos-module-dvdi: what a task wants is read from its environment, in up to ten slots, and
 * dvdcli is run through a shell.
 */
export class MesosModule {
  /** Every command line that was run, in order. */
  readonly lines: string[] = []
  readonly #machine: Machine
  readonly #mounted = new Map<string, SharedMount>()

  constructor(machine: Machine) {
    this.#machine = machine
  }

  /**
   * Mounts what the task's variables name, unless another task has it mounted; resolves with the paths by slot. Rejects as
   * the module does.
   */
  async prepare(task: string, variables: TaskEnvironment): Promise<ReadonlyMap<string, string>> {
    const paths = new Map<string, string>()
    for (const [slot, volume] of slotsOf(variables)) {
      const key = keyOf(volume)
      const mount = this.#mounted.get(key) ?? { path: await this.#mount(volume), users: new Set() }
      mount.users.add(task)
      this.#mounted.set(key, mount)
      paths.set(slot, mount.path)
    }
    return paths
  }

  /** Unmounts what no other task uses; what fails is taken for unmounted by hand. */
  async cleanup(task: string, variables: TaskEnvironment): Promise<void> {
    for (const volume of slotsOf(variables).values()) {
      const mount = this.#mounted.get(keyOf(volume))
      if (mount === undefined || !mount.users.delete(task) || mount.users.size > 0) continue
      this.#mounted.delete(keyOf(volume))
      await this.#shell(commandLine('unmount', volume))
    }
  }

  async #mount(volume: WantedVolume): Promise<string> {
    const options = (volume.get('OPTS') ?? '').split(',').filter(Boolean)
    const given = options.map((option) => ` --volumeopts=${option}`).join('')
    const explicit = volume.get('EXPLICITCREATE') === 'true' ? ' --explicitCreate=true' : ''
    const line = `${commandLine('mount', volume)} ${given}${explicit}`
    const { status, stdout, stderr } = await this.#shell(line)
    const path = stdout.trim()
    if (status !== 0 || path === '') throw new Error(`Failed to mount: ${stderr}`)
    return path
  }

  #shell(line: string): Promise<Outcome> {
    this.lines.push(line)
    const options = { env: agentEnvironment(this.#machine) }
    return outcomeOf(
      this.#machine.spawn('sh', ['-c', line], { ...options, stdio: ['ignore', 'pipe', 'pipe'] }),
    )
  }
}

/** What is wanted, by the digit behind the names; a name without one is slot 0. */
function slotsOf(variables: TaskEnvironment): Map<string, Map<string, string>> {
  const slots = new Map<string, Map<string, string>>()
  for (const [name, value] of Object.entries(variables)) {
    const { what = '', slot = '' } = VARIABLE.exec(name)?.groups ?? {}
    if (what === '') continue
    if (!['CONTAINERPATH', 'DVDCLI'].includes(what) && PROHIBITED.test(value))
      throw new Error(`${name} contains a prohibited character`)
    const number = slot || '0'
    slots.set(number, (slots.get(number) ?? new Map()).set(what, value))
  }
  return slots
}

function commandLine(verb: string, volume: WantedVolume): string {
  const program = volume.get('DVDCLI') ?? 'dvdcli'
  return `${program} ${verb} --volumedriver=${driverOf(volume)} --volumename=${volume.get('NAME')}`
}

function driverOf(volume: WantedVolume): string {
  return volume.get('DRIVER') ?? 'rexray'
}

/** Names are compared without regard to case. */
function keyOf(volume: WantedVolume): string {
  return `${driverOf(volume)}/${volume.get('NAME')}`.toLowerCase()
}
