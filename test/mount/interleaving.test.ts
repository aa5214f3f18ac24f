import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'

const HOLDERS = ['a', 'b', 'c', ''] as const

/** One holder mounts and unmounts in the order it was told; what it has in the end. */
async function act(
  manager: MountManager,
  holder: string,
  steps: readonly boolean[],
): Promise<number> {
  let count = 0
  for (const mounts of steps) {
    if (mounts) await mounted(manager, 'data', holder)
    else await manager.unmount({ name: 'data', holder })
    count = holder === '' ? Number(mounts) : Math.max(0, count + (mounts ? 1 : -1))
  }
  return count
}

test('however n holders mount and unmount, it ends mounted if and only if a reference is left', async () => {
  const steps = fc.array(fc.boolean(), { maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(fc.tuple(steps, steps, steps, steps), async (plans) => {
      const world = new MountWorld()
      try {
        const manager = world.manager()
        await manager.create('data', {})
        const counts = await Promise.all(
          HOLDERS.map((holder, index) => act(manager, holder, plans[index] ?? [])),
        )
        const left = counts.some((count) => count > 0)
        expect(world.isMounted('data')).toBe(left)
        expect(world.platform.volumes()[0]?.attachments).toHaveLength(left ? 1 : 0)
      } finally {
        await world.end()
      }
    }),
    { numRuns: 40 },
  )
})
