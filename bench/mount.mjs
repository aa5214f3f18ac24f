import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { median, once, requestOf } from './load.mjs'
import { configuration, writePool } from './pool.mjs'
import { isRoot, makeHome, removeHome, startProgram } from './servers.mjs'

export const title = 'Mount of a formatted volume'

const ROUNDS = 15

/** Mount over the socket against a shell that does losetup, e2fsck and mount. */
export async function run() {
  if (!isRoot) return [{ what: title, ours: 'needs root' }]
  const home = makeHome()
  try {
    const names = writePool(home, 2)
    const disks = names.map((name) => join(home, 'var/lib/loop', name, 'disk'))
    for (const disk of disks) spawnSync('mkfs.ext4', ['-q', '-F', disk])
    mkdirSync(join(home, 'point'))
    const server = await startProgram(home, configuration)
    const ours = []
    const shell = []
    for (let round = 0; round < ROUNDS; round++) {
      shell.push(shellMs(disks[1], join(home, 'point')).all)
      ours.push(await mountMs(server.socket, names[0]))
    }
    await server.stop()
    const above = median(ours) - median(shell)
    return [
      {
        what: title,
        ours: `${median(ours).toFixed(1)} ms`,
        reference: `${median(shell).toFixed(1)} ms losetup + e2fsck + mount`,
        ratio: median(ours) / median(shell),
        target: { text: `<= 50 ms above (${above.toFixed(1)})`, met: above <= 50 },
      },
    ]
  } finally {
    await removeHome(home)
  }
}

async function mountMs(socket, name) {
  const body = { Name: name, ID: 'bench' }
  const began = performance.now()
  await once(socket, requestOf('Mount', body))
  const ms = performance.now() - began
  await once(socket, requestOf('Unmount', body))
  return ms
}

const script = `
began=$(date +%s%N)
device=$(losetup --find --show "$1") || exit 1
attached=$(date +%s%N)
e2fsck -p "$device" > /dev/null && mount "$device" "$2" || exit 1
mounted=$(date +%s%N)
echo $((mounted - began)) $((mounted - attached))
umount "$2" && losetup -d "$device"
`

/** How long a shell takes to mount a formatted disk, in ms: in all, and without losetup. */
export function shellMs(disk, point) {
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh', disk, point],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`the shell failed: ${stderr}`)
  const [all, checkAndMount] = stdout.split(' ').map((nanos) => Number(nanos) / 1e6)
  return { all, checkAndMount }
}
