import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../../src/libstorage/run.ts'
import { bundleChild } from '../support/child-process.ts'
import { tryAll } from '../support/crash-trials.ts'
import {
  type Kill,
  type KillPoint,
  killedOperation,
  type OperationCase,
} from '../support/killed-operation.ts'
import { loopUnavailable } from '../support/loop-world.ts'
import { canReflink } from '../support/reflink-pool.ts'

const able = loopUnavailable === undefined && (await canReflink())

const cases: readonly (readonly [string, OperationCase])[] = [
  ['a resize of a volume at rest', { operation: 'resize', volume: 'at rest' }],
  ['a resize of an attached volume', { operation: 'resize', volume: 'attached' }],
  ['a resize of a mounted volume', { operation: 'resize', volume: 'mounted' }],
  ['a snapshot of a volume at rest', { operation: 'snapshot', volume: 'at rest' }],
  ['a snapshot of a mounted volume', { operation: 'snapshot', volume: 'mounted' }],
  ['a copy of a snapshot', { operation: 'copySnapshot', volume: 'at rest', hasSnapshot: true }],
  [
    'a removal of a snapshot',
    { operation: 'removeSnapshot', volume: 'at rest', hasSnapshot: true },
  ],
  [
    'a creation from a snapshot',
    { operation: 'createFromSnapshot', volume: 'at rest', hasSnapshot: true },
  ],
  ['a clone of a volume at rest', { operation: 'clone', volume: 'at rest' }],
  ['a clone of a mounted volume', { operation: 'clone', volume: 'mounted' }],
  ['an attach', { operation: 'attach', volume: 'at rest' }],
  ['a detach', { operation: 'detach', volume: 'attached' }],
  [
    'the first mount of a volume that was made larger',
    { operation: 'mount', volume: 'at rest', sizeGiB: 2 },
  ],
]

/** Of each operation so many at least are tried, for so long: spread over all that there are. */
const sample = { limitMs: 2_500, neverLeftOut: 2 }

/**
 * What a sync does is lost with the power alone, and a look changes nothing. How a lock or a record is written is the same
 * everywhere, and tried for itself: here it counts when it is there.
 */
const SAME_AS_BEFORE =
  /^f(data)?sync |^(started|ended) '?(losetup' '--list|blkid|od|stat|sync)|\/\.(lock|writing)-\S+$|owner\.json$/

const changesSomething = ({ what }: KillPoint) => !SAME_AS_BEFORE.test(what)

describe.skipIf(!able)('a process that is killed anywhere in (root, mkfs.xfs)', () => {
  let folder: string
  let ground: { folder: string; child: string; disk: string }
  const tool = async (command: string, ...args: string[]) => {
    const { exitCode, stderr } = await run(command, args, { timeoutMs: 30_000 })
    if (exitCode !== 0) throw new Error(`${command}: ${stderr}`)
  }

  const killAt = (about: OperationCase) => async (kill: Kill) => {
    const { killed } = await killedOperation(ground, about, kill)
    return { crashed: killed }
  }

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'remora-killed-'))
    const image = path.join(folder, 'shared.img')
    await tool('truncate', '-s', '4G', image)
    await tool('mkfs.xfs', '-q', '-m', 'reflink=1', image)
    const shared = path.join(folder, 'shared')
    mkdirSync(shared)
    await tool('mount', '-o', 'loop', image, shared)
    const content = path.join(folder, 'content/data')
    mkdirSync(content, { recursive: true })
    writeFileSync(path.join(content, 'file'), 'whole')
    const disk = path.join(shared, 'disk')
    await tool('truncate', '-s', '1G', disk)
    await tool('mkfs.ext4', '-q', '-d', path.dirname(content), disk)
    const child = await bundleChild('operation-child.ts', folder)
    ground = { folder: shared, child, disk }
  }, 60_000)
  afterAll(async () => {
    await run('umount', ['-l', path.join(folder, 'shared')], { timeoutMs: 30_000 })
    rmSync(folder, { recursive: true, force: true })
  })

  test.each(cases)(
    '%s loses nothing, leaves nothing, and what it did can be repeated',
    async (title, about) => {
      const { points } = await killedOperation(ground, about)
      const kills = points
        .filter(changesSomething)
        .flatMap(({ number, children, what }): (Kill & { what: string })[] => [
          { number, mode: 'tree', what },
          ...(children > 0 ? [{ number, mode: 'alone' as const, what }] : []),
        ])
      expect(kills.length).toBeGreaterThan(2)
      await tryAll(title, kills, killAt(about), sample)
    },
    120_000,
  )
})
