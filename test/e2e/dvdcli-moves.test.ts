import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually, type Machine } from '../support/machine.ts'
import { environmentOf, type MarathonApp, volumesOf } from '../support/marathon.ts'
import { MesosAgent, type MesosContainer, type TaskVolume } from '../support/mesos-agent.ts'
import { MesosModule } from '../support/mesos-module.ts'
import {
  Ec2Platform,
  LoopPlatform,
  type Platform,
  type PlatformMachine,
} from '../support/platforms.ts'
import { startServer } from '../support/server-process.ts'

/** Where volumes appear on each machine, as on every one that REX-Ray served. */
const VOLUMES = '/var/lib/rexray/volumes'

/** Those that such clusters run with. */
const settings = {
  mount: { preempt: true, path: VOLUMES, attachWait: '1s', preemptGrace: '1s' },
  unmount: { ignoreUsedCount: true, detachDelay: '0s' },
}

/** A task without an image: it sees the machine's own folders. */
interface Task {
  /** The lines that it was told are durable. */
  said(): string[]
  kill(): Promise<void>
}

async function taskOn(machine: Machine, script: string): Promise<Task> {
  const child = machine.spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout?.on('data', (part: Buffer) => {
    text += part.toString()
  })
  const said = () => text.split('\n').slice(0, -1)
  await eventually('the task to write', () => said().length >= 20)
  return {
    said,
    async kill() {
      child.kill('SIGKILL')
      await eventually('the task to end', () => child.signalCode)
    },
  }
}

function lines(machine: Machine, file: string): string[] {
  return readFileSync(machine.path(`${VOLUMES}/${file}`), 'utf8')
    .trimEnd()
    .split('\n')
}

const external = (name: string) => ({
  containerPath: `/tmp/${name}`,
  mode: 'RW' as const,
  external: { name, provider: 'dvdi', size: 1, options: { 'dvdi/driver': 'rexray' } },
})
const app: MarathonApp = {
  id: 'hello',
  instances: 1,
  container: { type: 'MESOS', volumes: [external('firstvolume'), external('secondvolume')] },
}
const writing = `
echo second volume > ${VOLUMES}/secondvolume/readme.txt && sync ${VOLUMES}/secondvolume/readme.txt
i=0
while :; do
  i=$((i+1))
  echo "line $i" >> ${VOLUMES}/firstvolume/hello1 && sync ${VOLUMES}/firstvolume/hello1 && echo "line $i"
done`

describe.each([
  { driver: 'loop', start: async () => new LoopPlatform() },
  { driver: 'ebs', start: () => Ec2Platform.start() },
])('on two machines of $driver,', ({ start: startPlatform }) => {
  let platform: Platform
  let here: PlatformMachine
  let there: PlatformMachine
  beforeEach(async () => {
    platform = await startPlatform()
    here = await serving()
    there = await serving()
  })
  afterEach(() => platform.end())

  async function serving(): Promise<PlatformMachine> {
    const launched = await platform.launch()
    await launched.machine.run('mount', ['-t', 'tmpfs', 'tmpfs', '/var/lib'])
    launched.configure(settings)
    await startServer(launched.machine)
    return launched
  }

  test('a task whose machine is lost finds every line of both volumes on the other one', async () => {
    const variables = environmentOf(volumesOf(app))
    await new MesosModule(here.machine).prepare('task', variables)
    const { said } = await taskOn(here.machine, writing)
    await here.crash()

    const module = new MesosModule(there.machine)
    const paths = await module.prepare('task', variables)
    expect([...paths.values()]).toEqual([
      `${VOLUMES}/firstvolume/data`,
      `${VOLUMES}/secondvolume/data`,
    ])
    expect(said().length).toBeGreaterThanOrEqual(20)
    expect(lines(there.machine, 'firstvolume/hello1').slice(0, said().length)).toEqual(said())
    expect(lines(there.machine, 'secondvolume/readme.txt')).toEqual(['second volume'])
    const second = await taskOn(there.machine, writing)
    const all = lines(there.machine, 'firstvolume/hello1')

    here.comeBack()
    await startServer(here.machine)
    const returned = new MesosAgent(here.machine)
    await eventually('the dead mounts to go', async () => {
      const seen = await here.machine.run('findmnt', ['-rno', 'TARGET'])
      return !seen.stdout.includes(VOLUMES)
    })
    const mine = ['--volumedriver=rexray', '--volumename=firstvolume']
    expect(await returned.dvdcli('unmount', ...mine)).toMatchObject({ status: 0, stdout: '' })
    const refused = await returned.dvdcli('mount', ...mine)
    expect(refused).toMatchObject({ status: 1, stdout: '' })
    expect(refused.stderr).toContain('firstvolume')
    expect(refused.stderr).toContain(there.name)
    const before = second.said().length
    await eventually('the task to go on', () => second.said().length > before)
    expect(lines(there.machine, 'firstvolume/hello1').slice(0, all.length)).toEqual(all)

    await second.kill()
    await module.cleanup('task', variables)
    const back = await returned.dvdcli('mount', ...mine)
    expect(back.stdout, back.stderr).toBe(`${VOLUMES}/firstvolume/data\n`)
    expect(lines(here.machine, 'firstvolume/hello1').slice(0, all.length)).toEqual(all)
  })

  test('each slot of a framework meets its own data, scaled down, scaled up and moved', async () => {
    const agents = { here: new MesosAgent(here.machine), there: new MesosAgent(there.machine) }
    const slots = [1, 2, 3]
    const volumes = (machine: Machine, slot: number): TaskVolume[] =>
      ['config', 'data'].map((part) => ({
        driver: 'rexray',
        name: `elasticsearch${slot}${part}`,
        containerPath: join(machine.home, `slots/${slot}/${part}`),
      }))
    const folder = (machine: Machine, slot: number) => join(machine.home, `slots/${slot}`)
    const running = new Map<number, MesosContainer>()

    async function start(at: 'here' | 'there', slot: number, run: number): Promise<string> {
      const { machine } = at === 'here' ? here : there
      const container = await agents[at].launch(`slot${slot}`, volumes(machine, slot))
      running.set(slot, container)
      return await container.sh(`cd ${folder(machine, slot)}
        echo slot ${slot} run ${run} | tee -a config/log >> data/log
        sync; cmp config/log data/log; cat data/log`)
    }
    async function stop(at: 'here' | 'there', slot: number): Promise<void> {
      await running.get(slot)?.kill()
      await agents[at].finish(`slot${slot}`)
    }
    const runs = (slot: number, count: number) =>
      Array.from({ length: count }, (_, run) => `slot ${slot} run ${run + 1}`).join('\n')

    for (const { name } of slots.flatMap((slot) => volumes(here.machine, slot))) {
      const made = ['--volumedriver=rexray', `--volumename=${name}`, '--volumeopts=size=1']
      expect(await agents.here.dvdcli('create', ...made)).toMatchObject({ status: 0, stdout: '' })
    }
    for (const slot of slots) expect(await start('here', slot, 1)).toBe(runs(slot, 1))
    for (const slot of [2, 3]) await stop('here', slot)
    for (const slot of [3, 2]) expect(await start('here', slot, 2)).toBe(runs(slot, 2))
    await stop('here', 1)
    expect(await start('there', 1, 2)).toBe(runs(1, 2))
    await here.crash()
    for (const slot of [2, 3]) expect(await start('there', slot, 3)).toBe(runs(slot, 3))
    for (const slot of slots) await stop('there', slot)
    await eventually('the volumes to be let go', () => platform.attached() === 0)
  })
})
