import os from 'node:os'
import type { Check } from '../../libstorage/check.ts'

/** What runs here and as whom, for whoever reads the report elsewhere. */
export function programCheck({
  version,
  uid,
}: {
  readonly version: string
  readonly uid: number
}): Check {
  const who = uid === 0 ? 'root' : `user ${uid}`
  const seen = `Remora ${version} as ${who}, Node.js ${process.versions.node}, Linux ${os.release()}`
  return {
    id: 'machine.program',
    title: 'this program and what it runs on',
    run: async () =>
      uid === 0
        ? [{ verdict: 'pass', seen }]
        : [
            {
              verdict: 'warn',
              seen: `${seen}: only root can mount, and sees what others have open`,
              remedy: 'sudo remora doctor, unless only vfs is served',
            },
          ],
  }
}
