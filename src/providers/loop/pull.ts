import { lastLine, type Run } from '../../libstorage/run.ts'
import { cannotPull } from './errors.ts'
import { type LoopDevice, markOf } from './losetup.ts'

/*
 * Node has no ioctl. LOOP_GET_STATUS64 and LOOP_SET_STATUS64 (linux/loop.h) move a struct loop_info64 of 232 bytes,
 * with lo_sizelimit at offset 32 and lo_flags at 52. The kernel freezes the queue meanwhile: before, a write is whole,
 * after, it fails. But one whose place was looked at before and that then waited for the frozen queue is still done when
 * that thaws: each further stroke waits for those that are under way, so that after the last one none is left to come.
 * LO_FLAGS_AUTOCLEAR (4) is the same stroke: the device goes with its holder, whoever dies meanwhile.
 * As long as the device is open, no other use of it can follow the one that the mark tells.
 */
const CUT = `
open(my $device, '+<', $ARGV[0]) or die "open: $!\\n";
open(my $mark, '<', $ARGV[1]) or exit;
chomp(my $found = <$mark>);
exit if $found ne $ARGV[2];
my $info = "\\0" x 232;
ioctl($device, 0x4C05, $info) or die "LOOP_GET_STATUS64: $!\\n";
substr($info, 32, 8) = pack('Q', 1);
substr($info, 52, 4) = pack('L', unpack('L', substr($info, 52, 4)) | 4);
for (my $stroke = 1; ; $stroke++) {
  ioctl($device, 0x4C04, $info) or die "LOOP_SET_STATUS64: $!\\n";
  last if $stroke == 5;
  select(undef, undef, undef, 0.03);
}
`
const TIMEOUT_MS = 10_000

/**
 * Cuts a loop device to nothing, whoever holds it: from then on all that its holder writes fails, and none of it
 * reaches the file; the device goes when its holder lets go. A later use of the same device is left alone. Needs perl.
 */
export async function pull(run: Run, name: string, device: LoopDevice): Promise<void> {
  let result: Awaited<ReturnType<Run>>
  try {
    result = await run('perl', ['-e', CUT, device.path, ...markOf(device)], {
      timeoutMs: TIMEOUT_MS,
    })
  } catch (error) {
    throw cannotPull(name, device.path, 'perl could not be run', error)
  }
  if (result.exitCode === 0) return
  throw cannotPull(name, device.path, lastLine(result))
}
