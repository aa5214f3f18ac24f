import { run } from '../../src/libstorage/run.ts'
import { freezeFileSystem } from '../../src/mount/linux/freezing.ts'

/** Freezes what is mounted there, says so, and stays until it is killed. */
const [mountPoint = ''] = process.argv.slice(2)
await freezeFileSystem(mountPoint, run, async () => {})
process.stdout.write('frozen\n')
process.stdin.resume()
