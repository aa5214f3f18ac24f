import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { identifySelf } from '../../src/libstorage/process-identity.ts'
import { FileLedger } from '../../src/mount/ledger.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { bundleChild } from '../support/child-process.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'
import { canReflink } from '../support/reflink-pool.ts'

const shares = loopUnavailable === undefined && (await canReflink())

let world: LoopWorld
let manager: MountManager
const children: ChildProcess[] = []
beforeEach(() => {
  world = new LoopWorld()
})
afterEach(async () => {
  await endAll(children)
  await world.end()
})

async function endAll(running: ChildProcess[]): Promise<void> {
  for (const child of running.splice(0)) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null
    const ended = hasEnded || new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
}

/** The pool on an xfs of its own, whose files share blocks. */
async function sharingPool(): Promise<void> {
  const image = path.join(world.folder, 'pool.img')
  await world.tool('truncate', '-s', '2G', image)
  await world.tool('mkfs.xfs', '-q', '-m', 'reflink=1', image)
  mkdirSync(path.join(world.folder, 'loop'))
  await world.tool('mount', '-o', 'loop', image, path.join(world.folder, 'loop'))
}

/** Writes one line after the other, each synced before it is told of; answers how many were. */
function writer(file: string): () => number {
  const script = 'i=0; while i=$((i+1)); do echo $i >> "$1"; sync "$1"; echo $i; done'
  const child = spawn('sh', ['-c', script, 'sh', file], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  return () => said.split('\n').length - 1
}

describe.skipIf(!shares)('copies of volumes in use, on the real kernel (root, mkfs.xfs)', () => {
  beforeEach(async () => {
    await sharingPool()
    manager = await world.manager()
  })

  test.each(['ext4', 'xfs', 'btrfs'])(
    '%s: a snapshot has every line that was synced before, none that came later, and both are mounted side by side',
    async (fstype) => {
      await manager.create('data', { fstype })
      const folder = await mounted(manager, 'data', 'a')
      const synced = writer(path.join(folder, 'lines'))
      await expect.poll(synced, { timeout: 10_000 }).toBeGreaterThan(20)
      const before = synced()
      const { id } = await manager.createSnapshot('data', 'one')
      const after = synced()
      await expect.poll(synced, { timeout: 10_000 }).toBeGreaterThan(after + 10)
      await manager.create('copy', { snapshotID: id })
      const copy = await mounted(manager, 'copy', 'b')
      const lines = readFileSync(path.join(copy, 'lines'), 'utf8').trimEnd().split('\n')
      expect(lines).toEqual(lines.map((_, index) => String(index + 1)))
      expect(lines.length).toBeGreaterThanOrEqual(before)
      expect(lines.length).toBeLessThanOrEqual(after + 2)
      expect((await manager.get('copy')).volume).toMatchObject({ madeFrom: 'snapshot', sizeGiB: 1 })
      expect(world.events.filter(({ kind }) => kind === 'formatted')).toHaveLength(1)
      writeFileSync(path.join(copy, 'mine'), 'x')
      expect(existsSync(path.join(folder, 'mine'))).toBe(false)
      await manager.unmount({ name: 'copy', holder: 'b' })
      await mounted(manager, 'copy', 'c')
      expect(readFileSync(path.join(copy, 'mine'), 'utf8')).toBe('x')
      await endAll(children)
      const last = synced()
      await manager.unmount({ name: 'data', holder: 'a' })
      await mounted(manager, 'data', 'a')
      const all = readFileSync(path.join(folder, 'lines'), 'utf8').trimEnd().split('\n')
      expect(all.length).toBeGreaterThanOrEqual(last)
      expect(all).toEqual(all.map((_, index) => String(index + 1)))
    },
  )

  test.each(['ext4', 'btrfs'])(
    '%s: a copy of a volume in use that is larger is grown by its first Mount',
    async (fstype) => {
      await manager.create('data', { fstype })
      const folder = await mounted(manager, 'data', 'a')
      writeFileSync(path.join(folder, 'file'), 'kept', { flush: true })
      await manager.create('copy', { VolumeName: 'data', size: '2' })
      const copy = await mounted(manager, 'copy', 'b')
      expect(readFileSync(path.join(copy, 'file'), 'utf8')).toBe('kept')
      const { usedBytes, freeBytes } = await world.mounter.usage(path.dirname(copy))
      expect(usedBytes + freeBytes).toBeGreaterThan(1.7 * 2 ** 30)
      expect((await manager.get('copy')).volume).toMatchObject({ madeFrom: 'volume', sizeGiB: 2 })
    },
  )

  test('btrfs: a copy that was taken without quiet is whole too, and gets its own UUID when its log is replayed', async () => {
    await manager.create('data', { fstype: 'btrfs' })
    const folder = await mounted(manager, 'data', 'a')
    writeFileSync(path.join(folder, 'first'), 'x')
    await world.tool('sync', '-f', folder)
    writeFileSync(path.join(folder, 'file'), 'synced', { flush: true })
    const held = path.join(world.folder, 'loop', '.held')
    await world.tool('cp', '--reflink=always', world.diskOf('data'), held)
    await manager.create('copy', { volumename: 'data' })
    await world.tool('cp', '--reflink=never', held, world.diskOf('copy'))
    const uuidOf = async (name: string) =>
      (await world.tool('blkid', '-p', '-o', 'value', '-s', 'UUID', world.diskOf(name))).trim()
    expect(await uuidOf('copy')).toBe(await uuidOf('data'))
    const copy = await mounted(manager, 'copy', 'b')
    expect(readFileSync(path.join(copy, 'file'), 'utf8')).toBe('synced')
    await manager.unmount({ name: 'copy', holder: 'b' })
    await mounted(manager, 'copy', 'b')
    expect(readFileSync(path.join(copy, 'file'), 'utf8')).toBe('synced')
    expect(await uuidOf('copy')).not.toBe(await uuidOf('data'))
  })

  test('two snapshots of one name are an error that lists both, and an id always means one', async () => {
    await manager.create('data', {})
    const first = await manager.createSnapshot('data', 'x')
    const second = await manager.createSnapshot('data', 'x')
    for (const attempt of [
      () => manager.create('copy', { snapshotName: 'x' }),
      () => manager.removeSnapshot('x'),
    ])
      await expect(attempt()).rejects.toThrow(
        new RegExp(
          `snapshot "x" is the name of 2 snapshots: .*(${first.id}|${second.id}).*, use the id`,
        ),
      )
    await manager.removeSnapshot(first.id)
    await manager.create('copy', { snapshotName: 'x' })
    expect(await manager.snapshots()).toMatchObject([{ id: second.id }])
  })

  test('the file system is thawed also where the copy fails', async () => {
    await manager.create('data', {})
    const folder = await mounted(manager, 'data', 'a')
    await world.tool('chattr', '+i', path.join(world.folder, 'loop'))
    const taken = manager.createSnapshot('data', 'x')
    await expect(taken).rejects.toMatchObject({ code: 'ERR_PERMISSION_DENIED' })
    await world.tool('chattr', '-i', path.join(world.folder, 'loop'))
    await world.tool('timeout', '5', 'sh', '-c', 'echo x > "$0"', path.join(folder, 'file'))
  })
})

describe.skipIf(loopUnavailable !== undefined)('copies where files share no blocks', () => {
  beforeEach(async () => {
    manager = await world.manager()
  })

  test('of a volume in use are refused, its file system goes on at once, and nothing is left', async () => {
    await manager.create('data', {})
    const folder = await mounted(manager, 'data', 'a')
    await expect(manager.createSnapshot('data', 'x')).rejects.toThrow(
      'volume "data" is in use, and',
    )
    await expect(manager.create('copy', { volumename: 'data' })).rejects.toThrow('is in use, and')
    await world.tool('timeout', '5', 'sh', '-c', 'echo x > "$0"', path.join(folder, 'file'))
    expect(await manager.snapshots()).toEqual([])
    expect((await manager.list()).map(({ volume }) => volume.name)).toEqual(['data'])
  })

  test('of a volume that nobody uses are made, and never formatted, also where nothing is on them', async () => {
    await manager.create('data', { size: '2' })
    await manager.create('copy', { volumename: 'DATA' })
    expect((await manager.get('copy')).volume.sizeGiB).toBe(2)
    await expect(mounted(manager, 'copy', 'a')).rejects.toThrow(
      'was made from a volume and holds no file system',
    )
    await expect(manager.create('small', { volumename: 'data', size: '1' })).rejects.toThrow(
      'option size is 1 where volume "data" has 2 GiB',
    )
  })

  test('a server that is killed while a file system is frozen leaves it thawed', async () => {
    await manager.create('data', {})
    const folder = await mounted(manager, 'data', 'a')
    const program = await bundleChild('freezing-child.ts', world.folder)
    const child = spawn(process.execPath, [program, path.dirname(folder)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    children.push(child)
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const write = spawn('sh', ['-c', 'echo x > "$0"', path.join(folder, 'file')])
    children.push(write)
    const stateOf = () => readFileSync(`/proc/${write.pid}/stat`, 'utf8').split(' ')[2]
    await expect.poll(stateOf).toBe('D')
    child.kill('SIGKILL')
    await expect.poll(() => write.exitCode, { timeout: 10_000 }).toBe(0)
  })

  test('a freeze whose guard was killed with its server is ended by the next start', async () => {
    await manager.create('data', {})
    const folder = await mounted(manager, 'data', 'a')
    await manager.close()
    await world.tool('fsfreeze', '-f', path.dirname(folder))
    const ledger = new FileLedger(path.join(world.folder, 'ledger'), silentLogger)
    for (const record of ledger.all()) {
      const dead = { ...identifySelf(), pid: 999_999_999 }
      const since = new Date().toISOString()
      await ledger.put({ ...record, tool: { command: 'fsfreeze', process: dead, since } })
    }
    const next = await world.manager()
    next.start()
    await world.tool(
      'timeout',
      '-s',
      'KILL',
      '5',
      'sh',
      '-c',
      'echo x > "$0"',
      path.join(folder, 'file'),
    )
  })
})
