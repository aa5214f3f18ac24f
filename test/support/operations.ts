import type { MountManager } from '../../src/mount/mount-manager.ts'

/** What can be done to the volume `data` and its snapshot `one`; what is made of them is `copy` and `two`. */
export const operations = {
  resize: (manager: MountManager) => manager.resize('data', 2),
  mount: async (manager: MountManager) => {
    const mounted = await manager.mount({ name: 'data', holder: 'a' })
    mounted.delivered()
  },
  snapshot: (manager: MountManager) => manager.createSnapshot('data', 'two'),
  copySnapshot: (manager: MountManager) => manager.copySnapshot('one', { name: 'two' }),
  removeSnapshot: (manager: MountManager) => manager.removeSnapshot('one'),
  createFromSnapshot: (manager: MountManager) =>
    manager.createNew('copy', { snapshotName: 'one', size: '2' }),
  clone: (manager: MountManager) => manager.createNew('copy', { volumeName: 'data', size: '2' }),
  attach: (manager: MountManager) => manager.attach('data'),
  detach: (manager: MountManager) => manager.detach('data'),
}

/** One of the operations. */
export type OperationName = keyof typeof operations
