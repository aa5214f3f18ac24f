import os from 'node:os'
import type { Check } from '../libstorage/check.ts'

/** What runs here, for whoever reads the report elsewhere. */
export function programCheck(version: string): Check {
  return {
    id: 'machine.program',
    title: 'this program and what it runs on',
    run: async () => [
      {
        verdict: 'pass',
        seen: `Remora ${version} with Node.js ${process.versions.node} on Linux ${os.release()}`,
      },
    ],
  }
}
