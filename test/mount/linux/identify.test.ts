import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { canMount, has, tool } from '../../support/disk-world.ts'
import { KernelWorld } from '../../support/kernel-world.ts'

describe.skipIf(!canMount || !has('blkid'))('what lies on a device (root, blkid)', () => {
  let world: KernelWorld
  beforeEach(() => {
    world = new KernelWorld()
  })
  afterEach(() => world.end())

  const identified = async (image: string) => world.mounter.identify(await world.disk(image))

  const write = (file: string, at: number, script: string) =>
    tool('sh', '-c', `${script} | dd of="$1" bs=1 seek=${at} conv=notrunc status=none`, 'sh', file)

  const makers = [
    ['ext2', 16, 'mke2fs', ['-q', '-t', 'ext2', '-U']],
    ['ext3', 16, 'mke2fs', ['-q', '-t', 'ext3', '-U']],
    ['ext4', 16, 'mke2fs', ['-q', '-t', 'ext4', '-U']],
    ['xfs', 320, 'mkfs.xfs', ['-q', '-m']],
    ['btrfs', 128, 'mkfs.btrfs', ['-q', '-U']],
  ] as const
  for (const [fsType, sizeMiB, maker, args] of makers)
    test.skipIf(!has(maker))(`${fsType} is mounted as what it is`, async () => {
      const uuid = randomUUID()
      const image = world.image(sizeMiB)
      await tool(maker, ...args, fsType === 'xfs' ? `uuid=${uuid}` : uuid, image)
      expect(await identified(image)).toEqual({ kind: 'file-system', fsType, uuid })
    })

  test('zeros are nothing', async () => {
    expect(await identified(world.image(16))).toEqual({ kind: 'nothing' })
  })

  test('unknown data are nothing that has a name', async () => {
    const image = world.image(16)
    await write(image, 0, 'seq 9999')
    expect(await identified(image)).toEqual({ kind: 'nothing' })
  })

  test('an empty device is nothing', async () => {
    const image = world.image(16)
    const device = await world.disk(image)
    world.kill(image)
    expect(await world.mounter.identify(device)).toEqual({ kind: 'nothing' })
  })

  const luks = [
    'luksFormat',
    '--batch-mode',
    '--pbkdf',
    'pbkdf2',
    '--pbkdf-force-iterations',
    '1000',
  ]
  const foreign = [
    ['swap space', 'mkswap "$1"', 'mkswap'],
    ['a LUKS container', `echo key | cryptsetup ${luks.join(' ')} "$1" -`, 'cryptsetup'],
    ['a GPT partition table', 'echo "label: gpt" | sfdisk -q "$1"', 'sfdisk'],
    ['an MBR partition table', 'echo "label: dos" | sfdisk -q "$1"', 'sfdisk'],
    ['a GPT partition table', 'printf "label: gpt\\n,\\n" | sfdisk -q "$1"', 'sfdisk'],
    ['a file system of type vfat', 'mkfs.vfat "$1"', 'mkfs.vfat'],
  ] as const
  for (const [what, script, maker] of foreign)
    test.skipIf(!has(maker))(`${what} is never formatted over: ${script}`, async () => {
      const image = world.image(64)
      await tool('sh', '-c', script, 'sh', image)
      expect(await identified(image)).toEqual({ kind: 'foreign', what })
    })

  test('an LVM physical volume is never formatted over', async () => {
    const image = world.image(16)
    await tool('perl', '-e', LVM_LABEL, image, 'AbCdEfGhIjKlMnOpQrStUvWxYz012345')
    expect(await identified(image)).toEqual({ kind: 'foreign', what: 'an LVM physical volume' })
  })

  test('a file system beside a partition table is never formatted over, nor mounted', async () => {
    const image = world.image(16)
    await tool('mkfs.ext4', '-q', image)
    await write(
      image,
      446,
      "printf '\\200\\001\\001\\000\\203\\017\\040\\040\\001\\000\\000\\000\\000\\100\\000\\000'",
    )
    await write(image, 510, "printf '\\125\\252'")
    expect((await identified(image)).kind).toBe('foreign')
  })

  test.skipIf(!has('mkfs.btrfs'))('two file systems at once are never formatted over', async () => {
    const [image, other] = [world.image(128), world.image(128)]
    await tool('mkfs.ext4', '-q', image)
    await tool('mkfs.btrfs', '-q', other)
    const block = ['bs=4096', 'skip=16', 'seek=16', 'count=1', 'conv=notrunc', 'status=none']
    await tool('dd', `if=${other}`, `of=${image}`, ...block)
    const what = 'more than one signature at once'
    expect(await identified(image)).toEqual({ kind: 'foreign', what })
  })
})

/** Writes the label of LVM2 into the second sector (lvm2, lib/format_text/layout.h), whose checksum (lvm2's calc_crc) is right, so that it is taken for one. */
const LVM_LABEL = `my ($file, $id) = @ARGV;
my $body = pack('L<a8a32Q<', 32, 'LVM2 001', $id, 16 << 20) . ("\\0" x 440);
my $crc = 0xf597a6cf;
for my $byte (unpack 'C*', $body) {
  $crc ^= $byte;
  $crc = ($crc & 1) ? ($crc >> 1) ^ 0xedb88320 : $crc >> 1 for 1..8;
}
open my $out, '+<', $file or die;
seek $out, 512, 0;
print $out 'LABELONE', pack('Q<L<', 1, $crc), $body;`
