import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withPartitions } from '../../../src/doctor/volumes/use.ts'

let sysfs: string
beforeEach(() => {
  sysfs = mkdtempSync(path.join(tmpdir(), 'sysfs-'))
})
afterEach(() => rmSync(sysfs, { recursive: true }))

test('what is mounted from a partition of a disk is mounted from that disk, and no other one', () => {
  for (const one of ['nvme1n1/nvme1n1p1', 'nvme1n1/queue', 'nvme1n10/nvme1n10p1'])
    mkdirSync(path.join(sysfs, 'class/block', one), { recursive: true })

  expect(withPartitions('/dev/nvme1n1', sysfs)).toEqual(['/dev/nvme1n1', '/dev/nvme1n1p1'])
  expect(withPartitions('/dev/nvme9n1', sysfs)).toEqual(['/dev/nvme9n1'])
})
