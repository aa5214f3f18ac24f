import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loopDefinition } from '../../../src/providers/loop/config.ts'
import { AttachmentRig } from './attachment-rig.ts'
import { LoopDisks } from './loop-disks.ts'
import type { SimMachine } from './simulator.ts'

const run = promisify(execFile)
const unavailable = await loopDefinition.unavailable()

describe.skipIf(unavailable !== undefined)('disks that are real block devices', () => {
  let rig: AttachmentRig
  const mounts: string[] = []
  beforeEach(async () => {
    rig = await AttachmentRig.open({ disks: 'loop' })
  })
  afterEach(async () => {
    for (const point of mounts.splice(0)) spawnSync('umount', ['-l', point])
    await rig.close()
  })

  const disksOf = (machine: SimMachine) => {
    if (machine.disks instanceof LoopDisks) return machine.disks
    throw new Error('the machine has no real disks')
  }
  async function mounted(id: string, machine = rig.machine): Promise<string> {
    const point = join(rig.simulator.folder, `${machine.id}-mnt`)
    mkdirSync(point, { recursive: true })
    await run('mount', [disksOf(machine).loopOf(id) ?? '', point])
    mounts.push(point)
    return point
  }
  async function unmount(point: string): Promise<void> {
    await run('umount', [point])
    mounts.splice(mounts.indexOf(point), 1)
  }

  test('what one machine writes another one reads', async () => {
    const id = await rig.attached()
    await run('mkfs.ext4', ['-q', disksOf(rig.machine).loopOf(id) ?? ''])
    const point = await mounted(id)
    writeFileSync(join(point, 'file'), 'bytes')
    await unmount(point)
    await rig.detach(id)
    await rig.becomes(id, 'available')
    await rig.attach(id, '/dev/xvdba', rig.other.id)
    await rig.becomes(id, 'in-use', 'attached')
    expect(readFileSync(join(await mounted(id, rig.other), 'file'), 'utf8')).toBe('bytes')
  })

  test('sysfs and the node mean the same device, of the size of the volume', async () => {
    const id = await rig.attached()
    const { sysfs, dev } = rig.machine.disks
    const number = readFileSync(join(sysfs.root, 'block/nvme1n1/dev'), 'utf8').trim()
    const [major, minor] = number.split(':').map((part) => Number(part).toString(16))
    const node = join(dev, 'nvme1n1')
    expect((await run('stat', ['-c', '%F %t:%T', node])).stdout.trim()).toBe(
      `block special file ${major}:${minor}`,
    )
    expect((await run('blockdev', ['--getsize64', node])).stdout.trim()).toBe('1073741824')
    expect(disksOf(rig.machine).isHeld(id)).toBe(false)
  })

  test('a detach pulls the disk from who has it mounted: no write of theirs arrives, and the next one has all that was synced', async () => {
    const id = await rig.attached()
    await run('mkfs.ext4', ['-q', disksOf(rig.machine).loopOf(id) ?? ''])
    const point = await mounted(id)
    writeFileSync(join(point, 'before'), 'synced')
    await run('sync', ['-f', point])
    expect(disksOf(rig.machine).isHeld(id)).toBe(true)
    await rig.detach(id)
    await rig.becomes(id, 'available')
    const late = spawnSync('dd', [
      'if=/dev/urandom',
      `of=${join(point, 'late')}`,
      'bs=64k',
      'count=16',
      'conv=fsync',
    ])
    expect(late.status).not.toBe(0)
    await rig.attach(id, '/dev/xvdba', rig.other.id)
    await rig.becomes(id, 'in-use', 'attached')
    const there = await mounted(id, rig.other)
    expect(readFileSync(join(there, 'before'), 'utf8')).toBe('synced')
    expect(rig.simulator.files.lateWrites(id)).toBe(0)
  })

  test('writes that did reach the old bytes would be counted', async () => {
    const id = await rig.volume()
    const file = rig.simulator.files.of(id, 1)
    rig.simulator.files.leave(id)
    writeFileSync(file, Buffer.from('late'), { flag: 'r+' })
    expect(rig.simulator.files.lateWrites(id)).toBe(4)
  })

  test('a machine sees its own disks only, in a namespace where they are those of the kernel', async () => {
    await rig.attached()
    const script = machineScript(rig.machine)
    const seen = await run('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh'])
    expect(seen.stdout.trim().split('\n')).toEqual(['nvme1n1', 'nvme1n1', '2097152'])
    const others = await run('unshare', ['-m', 'sh', '-c', namespaceOf(rig.other, 'ls /sys/block')])
    expect(others.stdout.trim()).toBe('')
  })

  function machineScript(machine: SimMachine): string {
    return namespaceOf(
      machine,
      'ls /sys/block /sys/class/block | grep nvme; cat /sys/class/block/nvme1n1/size',
    )
  }
  function namespaceOf(machine: SimMachine, script: string): string {
    return `${disksOf(machine).enterScript()} && ${script}`
  }

  test('a disk that grows shows its new size', async () => {
    const id = await rig.attached()
    disksOf(rig.machine).grow(id, 2)
    const node = join(rig.machine.disks.dev, 'nvme1n1')
    expect((await run('blockdev', ['--getsize64', node])).stdout.trim()).toBe('2147483648')
  })
})
