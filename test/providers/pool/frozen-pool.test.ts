import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AbortedError, UnavailableError } from '../../../src/libstorage/errors.ts'
import { run } from '../../../src/libstorage/run.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { poll, sleep } from '../../../src/libstorage/wait.ts'
import { loopDefinition } from '../../../src/providers/loop/config.ts'
import { LoopContent } from '../../../src/providers/loop/driver.ts'
import { LoopExecutor } from '../../../src/providers/loop/executor.ts'
import { Pool } from '../../../src/providers/pool/pool.ts'
import { PoolDriver } from '../../../src/providers/pool/pool-driver.ts'
import { PoolTurns } from '../../../src/providers/pool/pool-turns.ts'
import { PoolWorld, sh } from '../../support/pool-world.ts'

const unavailable = await loopDefinition.unavailable()
const PATIENCE_MS = 1_000

describe.skipIf(unavailable !== undefined)('while the disk beneath a pool hangs', () => {
  let world: PoolWorld
  let first: Hanging
  let second: Hanging
  let good: Provider

  beforeEach(async () => {
    world = await PoolWorld.make()
    first = await Hanging.make(world, 'one')
    second = await Hanging.make(world, 'two')
    const pool = join(world.root, 'good')
    await mkdir(pool)
    const context = { service: 'good', libDirectory: world.root, run }
    good = await loopDefinition.create({ pool, instance: 'here' }, context)
  })
  afterEach(async () => {
    await Promise.all([first.thaw(), second.thaw()])
    await Promise.all([first.end(), second.end()])
    await world.cleanup()
  })

  test('files elsewhere and another pool go on, whatever many callers want of two such pools', async () => {
    const file = join(world.root, 'unrelated')
    await writeFile(file, 'content')
    await first.freeze()
    await second.freeze()
    const calls = [...first.ask(), ...second.ask()]
    expect(await readFile(file, 'utf8')).toBe('content')
    const { id } = await good.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
    const attachment = await good.driver.attachVolume(id, 'here')
    expect(await good.executor.device(attachment)).toBe(attachment.deviceName)
    expect(await good.driver.volumes()).toMatchObject([{ name: 'data', state: 'in-use' }])
    await good.driver.detachVolume(id, 'here')
    await good.driver.removeVolume(id)
    for (const call of calls) await expect(call).rejects.toThrow(UnavailableError)
  })

  test('every caller is told which pool it is, later ones at once', async () => {
    const { driver, ask, path, freeze } = first
    await freeze()
    const told = `pool ${path} does not answer for 1 s, see whether its disk hangs`
    for (const call of ask()) await expect(call).rejects.toThrow(told)
    await expect(driver.volumes()).rejects.toThrow(`pool ${path} does not answer for `)
  })

  test('a caller who goes away is let go, whether the call had begun or waits', async () => {
    const { driver, freeze } = first
    await freeze()
    const caller = new AbortController()
    const { signal } = caller
    const calls = ['f', 'g', 'h'].map((name) =>
      driver.createVolume({ name, sizeGiB: 1, labels: {} }, { signal }),
    )
    await sleep(200)
    caller.abort()
    for (const call of calls) await expect(call).rejects.toThrow(AbortedError)
  })

  test('the device of an attachment that was made or seen is known without it', async () => {
    const { driver, executor, ask, freeze } = first
    const { id } = await driver.createVolume({ name: 'kept', sizeGiB: 1, labels: {} })
    const attachment = await driver.attachVolume(id, 'here')
    await freeze()
    const calls = ask()
    expect(await executor.device(attachment)).toBe(attachment.deviceName)
    for (const call of calls) await expect(call).rejects.toThrow(UnavailableError)
    expect(await executor.device(attachment)).toBe(attachment.deviceName)
  })

  test('a start does not wait for it, and it is used as soon as it answers', async () => {
    await first.freeze()
    const context = { service: 'late', libDirectory: world.root, run }
    const late = await loopDefinition.create({ pool: first.path, instance: 'here' }, context)
    const listed = late.driver.volumes()
    await first.thaw()
    expect(await listed).toHaveLength(5)
  })

  test('afterwards only the call that had begun is carried out, and nothing is left of the others', async () => {
    const { driver, ask, path, freeze, thaw, devices } = first
    await freeze()
    for (const call of ask()) await expect(call).rejects.toThrow(UnavailableError)
    await thaw()
    const settled = await poll(
      async () => {
        const volumes = await driver.volumes().catch(() => [])
        const attached = volumes.flatMap((volume) => volume.attachments)
        const left = (await devices()).length - attached.length
        return volumes.length > 0 && left === 0 ? volumes : undefined
      },
      { intervalMs: 50, timeoutMs: 10_000 },
    )
    const changed = settled?.filter(
      ({ name, state }) => name.startsWith('new') || state !== 'available',
    )
    expect(changed?.length).toBeLessThanOrEqual(1)
    const entries = await readdir(path, { recursive: true })
    expect(entries.filter((entry) => /(^|\/)\./.test(entry))).toEqual(['.pool'])
    for (const { id, attachments } of settled ?? []) {
      if (attachments.length > 0) await driver.detachVolume(id, 'here')
      await driver.attachVolume(id, 'here')
    }
  })
})

/** A pool on a file system of its own, which can be stopped: then whoever writes sits in the kernel, unkillable. */
class Hanging {
  readonly path: string
  readonly driver: PoolDriver
  readonly executor: LoopExecutor
  readonly #ids: string[] = []
  #isFrozen = false

  private constructor(path: string) {
    this.path = path
    const turns = new PoolTurns(path, PATIENCE_MS)
    const pool = new Pool(path, 'disk', { run, turns, memory: `${path}.memory` })
    const content = new LoopContent(run, turns)
    this.driver = new PoolDriver(pool, content, { instance: 'here' }, run)
    this.executor = new LoopExecutor(pool, content, 'here')
  }

  static async make(world: PoolWorld, name: string): Promise<Hanging> {
    const made = new Hanging(join(world.pool, name))
    await world.fileSystem(made.path, 64)
    for (const volume of ['a', 'b', 'c', 'd', 'e']) {
      const { id } = await made.driver.createVolume({ name: volume, sizeGiB: 1, labels: {} })
      made.#ids.push(id)
    }
    return made
  }

  async end(): Promise<void> {
    const answer = () => this.driver.volumes().catch(() => undefined)
    await poll(answer, { intervalMs: 20, timeoutMs: 5_000 })
    // Calls that were given up take back what they have connected.
    await sleep(300)
    for (const device of await this.devices()) await sh('losetup', '-d', device)
  }

  /** The loop devices of its volumes. */
  readonly devices = async (): Promise<string[]> => {
    const listed = await sh('losetup', '--noheadings', '--raw', '-O', 'NAME,BACK-FILE')
    return listed.split('\n').flatMap((line) => {
      const [device = '', file] = line.split(' ')
      return file?.startsWith(`${this.path}/`) ? [device] : []
    })
  }

  readonly freeze = async () => {
    await sh('fsfreeze', '-f', this.path)
    this.#isFrozen = true
  }

  readonly thaw = async () => {
    if (this.#isFrozen) await sh('fsfreeze', '-u', this.path)
    this.#isFrozen = false
  }

  /** More changes at once than Node has threads. */
  readonly ask = (): Promise<unknown>[] => {
    const attaches = this.#ids.map((id) => this.driver.attachVolume(id, 'here'))
    const creates = this.#ids.map((_, index) =>
      this.driver.createVolume({ name: `new${index}`, sizeGiB: 1, labels: {} }),
    )
    const calls = [...attaches, ...creates]
    for (const call of calls) call.catch(() => {})
    return calls
  }
}
