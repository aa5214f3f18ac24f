import { machine, type } from 'node:os'
import { origin, version } from '../version.ts'

/** What `version` prints, in the shape of REX-Ray's. */
export function versionText(scriptPath: string): string {
  return [
    'Remora',
    '------',
    `Binary: ${scriptPath}`,
    'Flavor: client+agent+controller',
    `SemVer: ${version}`,
    `OsArch: ${type()}-${machine()}`,
    `Commit: ${origin.commit || 'unknown'}`,
    `Formed: ${origin.formed || 'unknown'}`,
    `NodeJS: ${process.version}`,
    '',
  ].join('\n')
}
