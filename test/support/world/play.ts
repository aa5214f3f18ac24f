import { after } from '../../../src/libstorage/wait.ts'
import { audit, auditEmpty } from './audit.ts'
import type { Container } from './container.ts'
import type { Docker } from './docker.ts'
import type { Faults } from './faults.ts'
import { type Action, type History, tell } from './history.ts'
import { VirtualTime } from './virtual-time.ts'
import { World } from './world.ts'
import type { WorldMachine } from './world-machine.ts'

/** How often containers write, in milliseconds. */
const TICK_MS = 5_000
/** How long after the last container has stopped everything has to be let go, and every loss forgotten, in milliseconds. */
const REST_MS = 1_000_000

/** What came of a history. */
export interface Outcome {
  /** The rule that was broken, if one was. */
  readonly violation: string | undefined
  readonly story: readonly string[]
}

/** Lives through a history in a world of its own, and looks at the end whether everybody got what was promised. */
export async function play(history: History, faults: Faults = {}): Promise<Outcome> {
  const time = new VirtualTime()
  const restore = time.install()
  try {
    const world = new World(history, faults)
    await new Player(world, time).live(history)
    const { violation, lines } = world.chronicle
    return { violation, story: lines }
  } finally {
    restore()
  }
}

class Player {
  readonly #world: World
  readonly #time: VirtualTime

  constructor(world: World, time: VirtualTime) {
    this.#world = world
    this.#time = time
  }

  async live({ steps }: History): Promise<void> {
    for (const machine of this.#world.machines) machine.startServer()
    await this.#pass(1_000)
    for (const { action, thenMs } of steps) {
      this.#world.chronicle.say(`> ${tell(action)}`)
      perform(this.#world, action)
      await this.#pass(thenMs)
    }
    await this.#end()
  }

  /** All faults are over, everything is stopped in order: what is left then belongs to nobody. */
  async #end(): Promise<void> {
    const { machines, chronicle } = this.#world
    chronicle.say('> all faults end')
    this.#world.platform.lateMs = 0
    for (const machine of machines) heal(machine)
    await this.#pass(60_000)
    for (const machine of machines) {
      heal(machine)
      for (const container of machine.docker.living()) void machine.docker.stop(container)
    }
    await this.#untilIdle()
    for (const { docker } of machines)
      for (const container of docker.living()) void docker.stop(container)
    await this.#untilIdle()
    await this.#lettingGo()
    await this.#pass(REST_MS)
    audit(this.#world)
    await this.#readAll()
    await this.#removeAll()
    auditEmpty(this.#world)
  }

  /** Who is refused, because somebody still stands there, tries again. */
  async #lettingGo(): Promise<void> {
    for (let tries = 0; tries < 3; tries++) {
      for (const { person } of this.#world.machines)
        for (const volume of person.holds) void person.unmount(volume)
      await this.#untilIdle()
      this.#detachForced()
      await this.#untilIdle()
      await this.#pass(60_000)
    }
  }

  /** What was attached by hand stays until it is detached by hand. */
  #detachForced(): void {
    const { machines, platform } = this.#world
    for (const { facts, attachment } of platform.now()) {
      const holder = machines.find(({ id }) => id === attachment?.instanceId)
      if (holder?.isUp && holder.person.forced.has(facts.name))
        void holder.person.detach(facts.name)
    }
  }

  /** Every volume is mounted once more: what was acknowledged is there. */
  async #readAll(): Promise<void> {
    this.#world.chronicle.say('> every volume is looked at')
    for (const { facts, attachment, disk } of this.#world.platform.now()) {
      // What an mkfs that died with its machine has left is refused for good reason.
      if (disk.content.kind === 'half') continue
      const { docker } = this.#machineWith(attachment?.instanceId)
      const reader = await this.#read(docker, facts.name)
      if (reader === undefined)
        return this.#world.chronicle.violated(`${facts.name} cannot be mounted at the end`)
      // What is still mounted, for references that no dockerd ever drops, is grown when it is mounted afresh.
      if (attachment === undefined && disk.usedGiB !== facts.sizeGiB)
        return this.#world.chronicle.violated(
          `${facts.name} has ${disk.usedGiB} of its ${facts.sizeGiB} GiB in use at the end`,
        )
      void docker.stop(reader)
      await this.#untilIdle()
      await this.#pass(20_000)
    }
  }

  /** Who is refused tries again. */
  async #read(docker: Docker, volume: string): Promise<Container | undefined> {
    for (let tries = 0; tries < 3; tries++) {
      void docker.run(volume)
      await this.#pass(20_000)
      await this.#untilIdle()
      const reader = docker.newest(volume)
      if (reader !== undefined) return reader
      await this.#pass(40_000)
    }
    return undefined
  }

  async #removeAll(): Promise<void> {
    this.#world.chronicle.say('> every volume is removed')
    for (const { facts, attachment } of this.#world.platform.now())
      void this.#machineWith(attachment?.instanceId).docker.remove(facts.name)
    await this.#untilIdle()
    await this.#pass(REST_MS)
  }

  #machineWith(instanceId: string | undefined): WorldMachine {
    const { machines } = this.#world
    const here = machines.find(({ id, isUp }) => id === instanceId && isUp)
    return here ?? machines.find(({ isUp }) => isUp) ?? this.#world.machine(0)
  }

  async #untilIdle(): Promise<void> {
    for (let waited = 0; waited < 300; waited++) {
      if (this.#world.machines.every(({ docker, person }) => docker.isIdle && person.isIdle)) return
      await this.#pass(1_000)
    }
    this.#world.chronicle.violated('some dockerd still waits for an answer')
  }

  async #pass(ms: number): Promise<void> {
    const isOver = () => this.#world.chronicle.violation !== undefined
    for (let left = ms; left > 0 && !isOver(); left -= TICK_MS) {
      await this.#time.advance(Math.min(left, TICK_MS), isOver)
      this.#world.tick()
    }
  }
}

function heal(machine: WorldMachine): void {
  machine.line.cutUntil = 0
  machine.line.losesUntil = 0
  machine.docker.client.losing = 0
  machine.server?.life.spare()
  machine.thaw()
  if (!machine.isUp) machine.powerOn()
  machine.startServer()
}

function perform(world: World, action: Action): void {
  if (action.act === 'late') world.platform.lateMs = action.ms
  else if (action.act === 'pull') pull(world, action.volume)
  else if (action.act === 'rush') rush(world, action.volume)
  else {
    const machine = world.machine(action.m)
    if (action.act === 'boot' && !machine.isUp) machine.powerOn()
    if (machine.isUp) deeds[action.act]({ ...action, world, machine } as never)
  }
}

function pull({ platform }: World, volume: string): void {
  const kept = platform.now().find(({ facts }) => facts.name === volume)
  if (kept?.attachment) platform.end(kept, kept.attachment, 'by hand')
}

/** Everybody wants the volume at once. */
function rush({ machines }: World, volume: string): void {
  for (const { docker, person } of machines.filter(({ isUp }) => isUp)) {
    void docker.run(volume)
    void person.mount(volume)
  }
}

type Scene<A> = Extract<Action, { act: A }> & {
  readonly world: World
  readonly machine: WorldMachine
}

const deeds: {
  [A in Exclude<Action['act'], 'late' | 'pull' | 'rush'>]: (scene: Scene<A>) => void
} = {
  run: ({ machine, volume }) => void machine.docker.run(volume),
  'run briefly': ({ machine, volume, ms }) => void machine.docker.run(volume, ms),
  stop: ({ machine, volume }) => stop(machine, volume),
  copy: ({ machine: { docker }, volume }) => {
    const container = docker.newest(volume)
    if (container !== undefined) void docker.copy(container)
  },
  move: ({ world, machine, to, volume }) => {
    void world.machine(to).docker.run(volume)
    stop(machine, volume)
  },
  remove: ({ machine, volume }) => void machine.docker.remove(volume),
  look: ({ machine, volume }) => void machine.docker.look(volume),
  shell: ({ machine: { kernel }, volume, ms }) => {
    kernel.setShell(`/mnt/${volume}`, true)
    after(ms, () => kernel.setShell(`/mnt/${volume}`, false))
  },
  'command mount': ({ machine, volume }) => void machine.person.mount(volume),
  'command unmount': ({ machine, volume }) => void machine.person.unmount(volume),
  grow: ({ world, machine, volume }) => {
    const kept = world.platform.now().find(({ facts }) => facts.name === volume)
    if (kept !== undefined) void machine.person.grow(volume, kept.facts.sizeGiB)
  },
  force: ({ machine, volume }) => void machine.person.force(volume),
  die: ({ world, machine, moments, tree, ms }) =>
    machine.server?.life.doom(moments, (what) => {
      world.chronicle.say(`${machine.id}: server dies ${what}`)
      machine.killServer(tree)
      after(ms, () => machine.startServer())
    }),
  restart: ({ machine }) => void machine.stopServer().then(() => machine.startServer()),
  'kill docker': ({ machine }) => machine.docker.die(),
  reboot: ({ machine, ms }) => {
    machine.powerOff('running')
    after(ms, () => machine.powerOn())
  },
  hang: ({ machine, ms }) => machine.freeze(ms),
  halt: ({ machine }) => machine.stop(),
  boot: () => {},
  terminate: ({ world, machine }) => terminate(world, machine),
  cut: ({ machine, ms }) => {
    machine.line.cutUntil = Date.now() + ms
  },
  lose: ({ machine, ms }) => {
    machine.line.losesUntil = Date.now() + ms
  },
  'break off': ({ machine }) => {
    machine.docker.client.losing += 1
  },
}

function stop({ docker }: WorldMachine, volume: string): void {
  const container = docker.newest(volume)
  if (container !== undefined) void docker.stop(container)
}

/** The machine never comes back; a while later the platform detaches what it had, and forgets it. */
function terminate(world: World, machine: WorldMachine): void {
  if (world.machines.filter(({ state }) => state !== 'terminated' && state !== 'gone').length < 2)
    return
  machine.powerOff('terminated')
  after(15_000, () => {
    for (const kept of world.platform.now())
      if (kept.attachment?.instanceId === machine.id)
        world.platform.end(kept, kept.attachment, 'its machine is terminated')
  })
  after(60_000, () => machine.vanish())
}
