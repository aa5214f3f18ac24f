import path from 'node:path'
import { run } from '../../src/libstorage/run.ts'
import { createLinuxMounter } from '../../src/mount/linux/linux-mounter.ts'

/** Freezes what is mounted there, says so, and stays until it is killed. */
const [mountPoint = ''] = process.argv.slice(2)
const mounter = createLinuxMounter(run, path.join(path.dirname(mountPoint), '..', 'freezing'))
await mounter.freeze(mountPoint, async () => {})
process.stdout.write('frozen\n')
process.stdin.resume()
