import { expect, test } from 'vitest'
import { repairOf } from '../../../src/doctor/volumes/repair.ts'

test.each([
  ['ext4', 'e2fsck -f'],
  ['xfs', 'xfs_repair'],
  ['btrfs', 'btrfs check'],
])('%s is repaired by its own tool, on the device that the volume has by then', (fsType, tool) => {
  const remedy = repairOf(fsType, { id: 'vol-pg' })

  expect(remedy).toContain(`\n${tool} <that device>\nremora volume detach vol-pg`)
  expect(remedy).not.toContain('/dev/')
})

test('what the next mount repairs is left to it', () => {
  expect(repairOf('ext4', { id: 'vol-pg' })).toMatch(
    /^stop what uses it: the next mount checks and repairs it\n/,
  )
  expect(repairOf('xfs', { id: 'vol-pg' })).not.toContain('next mount')
})
