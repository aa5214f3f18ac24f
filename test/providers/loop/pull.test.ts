import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../../src/libstorage/run.ts'
import { loopStatus } from '../../../src/providers/loop/losetup.ts'
import { pull } from '../../../src/providers/loop/pull.ts'
import { eventually } from '../../support/eventually.ts'
import { loopUnavailable } from '../../support/loop-world.ts'

const BLOCK = 4_096
/** A pull that lets something through does so in one round of eight. */
const ROUNDS = 16
/**
 * Writes rising numbers to a block of its own, each durable before the next, and says the last of them that succeeded.
 * Directly, as a file system writes what its files hold: of a device that shrinks the kernel drops pages in silence. What
 * is written so has to be aligned in memory.
 */
const WRITER = `
use Fcntl;
sysopen(my $device, $ARGV[0], O_WRONLY | O_DSYNC | O_DIRECT) or die "open: $!";
my ($buffer, $at) = ("\\0" x 1048576, 0);
sub put {
  sysseek($device, $ARGV[1] * ${BLOCK}, 0);
  return (syswrite($device, $buffer, ${BLOCK}, $at) // 0) == ${BLOCK};
}
until (put()) { die "write: $!" if ($at += 16) > ${BLOCK} }
for (my $number = 1; ; $number++) {
  substr($buffer, $at, 8) = pack('Q', $number);
  next if put();
  print $number - 1;
  exit;
}
`

let folder: string
let device: string | undefined
const writers: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-pull-'))
})
afterEach(async () => {
  for (const writer of writers.splice(0)) writer.kill('SIGKILL')
  if (device !== undefined) await run('losetup', ['-d', device], { timeoutMs: 5_000 })
  device = undefined
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(loopUnavailable !== undefined)('a device that is pulled', () => {
  test('has nothing written to its file any more, and all that was acknowledged is in it', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { late, lost } = await pullOnce(path.join(folder, `disk-${round}`))
      expect({ round, late, lost }).toEqual({ round, late: false, lost: [] })
    }
  }, 120_000)
})

/** Pulls a device under four writers, and looks at its file at once and when they have ended. */
async function pullOnce(file: string): Promise<{ late: boolean; lost: string[] }> {
  writeFileSync(file, '')
  truncateSync(file, 16 * 1_048_576)
  device = execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8' }).trim()
  const status = loopStatus(device)
  if (status === undefined) throw new Error(`${device} is no loop device`)
  const blocks = [10, 20, 30, 40]
  const said = blocks.map((block) => startWriter(device ?? '', block))
  await eventually(() => {
    const now = readFileSync(file)
    for (const block of blocks) expect(numberIn(now, block)).toBeGreaterThan(5)
  })
  await pull(run, 'data', { path: device, status })
  const atOnce = readFileSync(file)
  const acknowledged = await Promise.all(said)
  const lost = blocks.flatMap((block, index) => {
    const [last, found] = [Number(acknowledged[index]), numberIn(atOnce, block)]
    return last <= found ? [] : [`${last} was acknowledged, ${found} is there`]
  })
  device = undefined
  return { late: !readFileSync(file).equals(atOnce), lost }
}

async function startWriter(path: string, block: number): Promise<string> {
  const writer = spawn('perl', ['-e', WRITER, path, String(block)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  writers.push(writer)
  return await text(writer.stdout)
}

function numberIn(bytes: Buffer, block: number): number {
  return Number(bytes.readBigUInt64LE(block * BLOCK))
}
