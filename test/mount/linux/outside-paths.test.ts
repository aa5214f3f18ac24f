import { describe, expect, test } from 'vitest'
import { outsideWording, readOutsideWording } from '../../../src/mount/linux/outside-paths.ts'

const POINTS = ['/pool', '/var/lib/rexray']
const plugin = `336 300 0:50 / / rw - overlay overlay rw
353 336 254:0 /var/lib/docker/plugins/ccc9/propagated-mount /var/lib/rexray rw shared:22 - ext4 /dev/vda rw
354 353 7:1 / /var/lib/rexray/volumes/data rw shared:30 - ext4 /dev/loop1 rw
359 336 254:0 /srv /pool rw - ext4 /dev/vda rw
`
const machine = `22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw
40 22 254:0 /var/lib/docker/plugins/ccc9/propagated-mount /var/lib/docker/plugins/ccc9/propagated-mount rw shared:22 - ext4 /dev/vda rw
`

describe('a sentence of a container', () => {
  const said = outsideWording(plugin, machine, POINTS)

  test('names the folders of the machine', () => {
    expect(said('pool /pool/remora-loop is bare, or remove /var/lib/rexray/pools/loop')).toBe(
      'pool /srv/remora-loop is bare, or remove /var/lib/docker/plugins/ccc9/propagated-mount/pools/loop',
    )
    expect(said('"/pool" is bare')).toBe('"/srv" is bare')
  })

  test.each([
    '/pools/a, /a/pool, a/pool, /pool-2, /pool.old, /var/lib/rexrays',
    'loop%20%2Fpool%2Fremora-loop',
    'data lies in /etc/rexray',
  ])('leaves %s as it is', (sentence) => {
    expect(said(sentence)).toBe(sentence)
  })

  test('names a disk of its own by where the machine has it', () => {
    const disk = '60 22 8:16 / /mnt/big\\040disk rw shared:9 - xfs /dev/sdb rw\n'
    const inside = plugin.replace('254:0 /srv /pool', '8:16 /a /pool')
    expect(outsideWording(inside, `${machine}${disk}`, POINTS)('/pool/x')).toBe('/mnt/big disk/a/x')
    expect(outsideWording(inside, machine, POINTS)('/pool/x')).toBe('/pool/x')
    const whole = plugin.replace('254:0 /srv /pool', '8:16 / /pool')
    expect(outsideWording(whole, `${machine}${disk}`, POINTS)('/pool/x')).toBe('/mnt/big disk/x')
  })

  test('stays as it is where there is no container, or nothing can be seen outside', () => {
    expect(outsideWording(machine, machine, POINTS)('/pool')).toBe('/pool')
    expect(readOutsideWording(2 ** 30, POINTS)('/pool')).toBe('/pool')
  })
})
