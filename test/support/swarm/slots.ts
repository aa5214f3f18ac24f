import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { image } from '../dockerd.ts'
import { eventually } from '../machine.ts'
import type { SwarmCluster } from './cluster.ts'

/** Each start adds the name of its slot to the volume, and shows the witness what is in there. */
const SHOW = `
trap 'exit 0' TERM
echo "$SLOT" >> /data/starts && sync && cp /data/starts "/witness/.$TASK" &&
busybox mv "/witness/.$TASK" "/witness/$SLOT $TASK"
while :; do sleep 0.1; done
`

const SLOT = '{{.Service.Name}}-{{.Task.Slot}}'

/** How a service is not as the others. */
export interface SlotOptions {
  readonly volume?: string
  readonly flags?: readonly string[]
}

/** Services each of whose slots has a volume of its own, named after service and slot. */
export class SlotServices {
  readonly #cluster: SwarmCluster

  constructor(cluster: SwarmCluster) {
    this.#cluster = cluster
  }

  /** Another volume than one for each slot, and further flags, may be given. */
  async create(name: string, { volume = SLOT, flags = [] }: SlotOptions = {}): Promise<void> {
    await this.#docker(
      ...['service', 'create', '--detach', '--name', name, '--no-resolve-image', ...flags],
      ...['--network', 'host', '--restart-delay', '1s', '--stop-grace-period', '2s'],
      ...['--env', `SLOT=${SLOT}`, '--env', 'TASK={{.Task.ID}}'],
      '--mount',
      `type=volume,source=${volume},target=/data,volume-driver=rexray,volume-opt=size=1`,
      ...['--mount', `type=bind,source=${this.#cluster.witness},target=/witness`],
      ...[image, 'sh', '-c', SHOW],
    )
  }

  /** Asks for so many tasks of each of the services, and waits until they run and no other does. */
  async scale(names: readonly string[], replicas: number): Promise<void> {
    await this.#docker('service', 'scale', '--detach', ...names.map((one) => `${one}=${replicas}`))
    for (const name of names) await this.untilRunning(name, replicas)
  }

  /** Starts every task of a service anew. */
  async renew(name: string): Promise<void> {
    await this.#docker('service', 'update', '--detach', '--force', name)
  }

  /** Waits until so many tasks of a service run, and those that are to end have. */
  async untilRunning(name: string, replicas: number): Promise<void> {
    await eventually(
      `${replicas} tasks of ${name}`,
      async () => {
        const format = '{{.DesiredState}} {{.CurrentState}}'
        const all = await this.#docker('service', 'ps', '--format', format, name)
        const states = all.split('\n').map((line) => line.split(' ').slice(0, 2).join(' '))
        const busy = states.filter((state) => state.endsWith('Running'))
        return busy.length === replicas && busy.every((state) => state === 'Running Running')
      },
      60_000,
    )
  }

  /** What the manager has of a service's tasks, with their errors. */
  tasks(name: string): Promise<string> {
    return this.#docker('service', 'ps', '--no-trunc', '--format', '{{.Node}} {{.Error}}', name)
  }

  async remove(...names: readonly string[]): Promise<void> {
    await this.#docker('service', 'rm', ...names)
  }

  /** What each start of a slot found in its volume, itself included, by the name of the slot; the fewest lines first. */
  met(): Readonly<Record<string, string[][]>> {
    const { witness } = this.#cluster
    const shown: Record<string, string[][]> = {}
    for (const name of readdirSync(witness).filter((one) => /^\S+ \S+$/.test(one))) {
      const lines = readFileSync(join(witness, name), 'utf8').split('\n').slice(0, -1)
      const [slot = ''] = name.split(' ')
      shown[slot] = [...(shown[slot] ?? []), lines].sort((a, b) => a.length - b.length)
    }
    return shown
  }

  #docker(...args: readonly string[]): Promise<string> {
    return this.#cluster.manager.docker(...args)
  }
}
