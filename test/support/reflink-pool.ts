import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../src/libstorage/run.ts'
import { type PoolWorld, sh } from './pool-world.ts'

/** Whether this machine can make a file system whose files share blocks. */
export async function canReflink(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false
  const found = await run('sh', ['-c', 'command -v mkfs.xfs losetup'], { timeoutMs: 5_000 })
  return found.exitCode === 0
}

/** Puts a pool's folder on an xfs of its own, which copies a file at one stroke. */
export async function withReflinks(world: PoolWorld, sizeMiB = 512): Promise<void> {
  const image = join(world.root, 'pool.img')
  await sh('truncate', '-s', `${sizeMiB}M`, image)
  await sh('mkfs.xfs', '-q', '-m', 'reflink=1', image)
  await mkdir(world.pool, { recursive: true })
  await sh('mount', '-o', 'loop', image, world.pool)
}
