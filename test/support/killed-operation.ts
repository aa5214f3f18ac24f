import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect } from 'vitest'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { eventually } from './eventually.ts'
import { type LoopMachine, openLoopMachine } from './loop-machine.ts'
import { mounted, quickSettings } from './mount-world.ts'
import { type OperationName, operations } from './operations.ts'
import { devicesOf, entries, mountsOf, strays, tool } from './strays.ts'

/** An operation, and what the volume `data` is when it begins. */
export interface OperationCase {
  readonly operation: OperationName
  readonly volume: 'at rest' | 'attached' | 'mounted'
  /** Whether there is a snapshot `one` of it. */
  readonly hasSnapshot?: boolean
  /** The size of the volume, where it is larger than its file system. */
  readonly sizeGiB?: number
}

/** Where the process of the operation is killed: at the point of this number, with all that it started or alone. */
export interface Kill {
  readonly number: number
  readonly mode: 'tree' | 'alone'
}

/** What became of an operation. */
export interface KilledReport {
  readonly points: readonly KillPoint[]
  readonly killed: boolean
}

/** A moment of an operation; see crash-points.mjs. */
export interface KillPoint {
  readonly number: number
  /** How many processes that it had started were alive. */
  readonly children: number
  readonly what: string
}

/** What all trials of a test share. */
export interface TrialGround {
  /** A folder on a file system whose files share blocks. */
  readonly folder: string
  /** The file with `operation-child.ts` in it. */
  readonly child: string
  /** A disk with a file system of 1 GiB, and in it `data/file`, which holds `whole`. */
  readonly disk: string
}

const preload = new URL('crash-points.mjs', import.meta.url).href
const GIB = 2 ** 30

/** Answers that a repeat may give where the first one had done it all. */
const DONE: Partial<Record<OperationName, RegExp>> = {
  clone: /already exists/,
  createFromSnapshot: /already exists/,
  detach: /is not attached here/,
  removeSnapshot: /not found/,
}

/**
 * Does an operation in a process of its own, which is killed where it is told to; then a server starts. Rejects unless
 * what is shown is whole, what belongs to nobody is gone, the repeat succeeds, and nothing is left when all is removed.
 */
export async function killedOperation(
  ground: TrialGround,
  about: OperationCase,
  kill?: Kill,
): Promise<KilledReport> {
  const trial = new Trial(ground, about)
  try {
    return await trial.live(kill)
  } catch (cause) {
    const points = trial.points().map(({ number, what }) => `${number} ${what}`)
    throw new Error(
      [cause instanceof Error ? cause.message : cause, ...points.slice(-6)].join('\n'),
      { cause },
    )
  } finally {
    await trial.end()
  }
}

class Trial {
  readonly #ground: TrialGround
  readonly #about: OperationCase
  readonly #home: string
  readonly #opened: LoopMachine[] = []

  constructor(ground: TrialGround, about: OperationCase) {
    this.#ground = ground
    this.#about = about
    this.#home = mkdtempSync(path.join(ground.folder, 'home-'))
  }

  async live(kill: Kill | undefined): Promise<KilledReport> {
    await this.#before()
    const killed = await this.#die(kill)
    if (killed !== (kill !== undefined)) throw new Error(`it was ${killed ? '' : 'not '}killed`)
    const server = await this.#open()
    server.start()
    const found = await this.#expectSettled(server)
    if (killed) await this.#repeat(server, found)
    await this.#after(server)
    return { points: this.points(), killed }
  }

  /** The moments of the operation, without those of its process's start. */
  points(): KillPoint[] {
    const log = path.join(this.#home, 'points')
    if (!existsSync(log)) return []
    const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean)
    const points = lines.map((line) => {
      const [number, children, ...what] = line.replaceAll(this.#home, '~').split(' ')
      return { number: Number(number), children: Number(children), what: what.join(' ') }
    })
    return points.slice(points.findIndex(({ what }) => what === 'mkdirSync ~/begun') + 1)
  }

  async end(): Promise<void> {
    await Promise.all(this.#opened.map((machine) => machine.close()))
    for (const point of mountsOf(this.#home)) await tool('umount', '-l', point)
    for (const device of await devicesOf(this.#home)) await tool('losetup', '-d', device)
    await tool('chattr', '-R', '-i', this.#home)
    rmSync(this.#home, { recursive: true, force: true })
  }

  async #open(): Promise<MountManager> {
    const machine = await openLoopMachine(this.#home, quickSettings, 'server')
    this.#opened.push(machine)
    return machine.manager
  }

  async #before(): Promise<void> {
    const { volume, hasSnapshot = false, sizeGiB = 1 } = this.#about
    const manager = await this.#open()
    await manager.create('data', { size: '1' })
    await tool('cp', '--reflink=always', this.#ground.disk, this.#pool('data/disk'))
    if (sizeGiB > 1) await manager.resize('data', sizeGiB)
    if (hasSnapshot) await manager.createSnapshot('data', 'one')
    if (volume === 'attached') await manager.attach('data')
    if (volume === 'mounted') await mounted(manager, 'data', 'a')
    await this.#opened.pop()?.close()
  }

  /** Resolves with whether the process was killed; rejects when it failed. */
  async #die(kill: Kill | undefined): Promise<boolean> {
    const { operation } = this.#about
    const words = [this.#ground.child, this.#home, JSON.stringify(quickSettings), operation]
    const child = spawn(process.execPath, [`--import=${preload}`, ...words], {
      env: {
        ...process.env,
        CRASH_LOG: path.join(this.#home, 'points'),
        CRASH_FILES: 'yes',
        ...(kill && { CRASH_AT: String(kill.number), CRASH_MODE: kill.mode }),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.on('data', (text: Buffer) => {
      said += text.toString()
    })
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      child.once('exit', (...how) => resolve(how))
    })
    if (code !== 0 && signal !== 'SIGKILL') throw new Error(`${operation} failed: ${said}`)
    return signal === 'SIGKILL'
  }

  /** What is there is whole, and all of it belongs to somebody. */
  async #expectSettled(server: MountManager): Promise<readonly string[]> {
    await this.#expectNoStrays(server)
    const volumes = await server.list()
    const snapshots = await server.snapshots()
    for (const { volume } of volumes) {
      expect(volume).not.toHaveProperty('problem')
      expect(['available', 'in-use']).toContain(volume.state)
      if (volume.attachments.length === 0) await this.#expectWhole(`${volume.name}/disk`, volume)
    }
    for (const snapshot of snapshots) {
      expect(snapshot).toMatchObject({ state: 'complete', name: expect.stringMatching(/one|two/) })
      await this.#expectWhole(`.snapshots/${snapshot.id}/disk`, snapshot)
    }
    const names = volumes.map(({ volume }) => volume.name)
    expect(names).toContain('data')
    if (this.#about.volume === 'mounted') {
      expect(await server.path('data')).toBeDefined()
      expect(await this.#read(server, 'data')).toBe('whole')
    }
    return [...names, ...snapshots.map(({ name }) => name)]
  }

  async #expectNoStrays(server: MountManager): Promise<void> {
    const found = async () => expect(await strays(this.#home, await server.list())).toEqual([])
    await eventually(found)
  }

  async #expectWhole(disk: string, { sizeGiB }: { readonly sizeGiB: number }): Promise<void> {
    const file = this.#pool(disk)
    expect(await tool('stat', '-c', '%s', file)).toBe(`${sizeGiB * GIB}\n`)
    expect(await tool('debugfs', '-R', 'cat /data/file', file)).toBe('whole')
  }

  async #repeat(server: MountManager, found: readonly string[]): Promise<void> {
    const { operation } = this.#about
    try {
      await operations[operation](server)
    } catch (error) {
      const isDone = DONE[operation]?.test(String(error)) ?? false
      if (!isDone) throw error
      if (/already exists/.test(String(error))) expect(found).toContain('copy')
    }
  }

  /** All is as it was asked for, can be used, and taken away again. */
  async #after(server: MountManager): Promise<void> {
    const { operation, volume, hasSnapshot = false } = this.#about
    const names = (await server.list()).map((view) => view.volume.name)
    const makesCopy = operation === 'clone' || operation === 'createFromSnapshot'
    expect(names.toSorted()).toEqual(makesCopy ? ['copy', 'data'] : ['data'])
    const snapshots = (await server.snapshots()).map(({ name }) => name)
    const keepsOne = hasSnapshot && operation !== 'removeSnapshot'
    expect(snapshots.includes('one')).toBe(keepsOne)
    expect(snapshots.includes('two')).toBe(/^(s|copyS)napshot$/.test(operation))
    if (operation === 'resize') await this.#expectGrown()
    const attached = (await server.get('data')).volume.attachments.length
    expect(attached).toBe(
      operation !== 'detach' &&
        (operation === 'attach' || operation === 'mount' || volume !== 'at rest')
        ? 1
        : 0,
    )
    for (const name of names) {
      expect(await this.#read(server, name)).toBe('whole')
      await server.unmount({ name, holder: 'a' })
      // A process that is being started has for a moment what another trial has open.
      await eventually(() => server.remove(name))
    }
    for (const { id } of await server.snapshots()) await server.removeSnapshot(id)
    await this.#expectNoStrays(server)
    expect(entries(this.#pool('.snapshots'))).toEqual([])
    expect(readdirSync(this.#pool('.')).toSorted()).toEqual(
      hasSnapshot || snapshots.length > 0 ? ['.pool', '.snapshots'] : ['.pool'],
    )
  }

  async #expectGrown(): Promise<void> {
    const record = JSON.parse(await readFile(this.#pool('data/volume.json'), 'utf8'))
    expect(record).toMatchObject({ name: 'data', sizeGiB: 2 })
    for (const device of await devicesOf(this.#home))
      expect(await tool('blockdev', '--getsize64', device)).toBe(`${2 * GIB}\n`)
  }

  async #read(server: MountManager, name: string): Promise<string> {
    return await readFile(path.join(await mounted(server, name, 'a'), 'file'), 'utf8')
  }

  #pool(name: string): string {
    return path.join(this.#home, 'loop', name)
  }
}
