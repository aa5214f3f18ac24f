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

/** Whether the arguments ask for the version and nothing else, so that nothing else has to be loaded. */
export function isVersionRequest(args: readonly string[]): boolean {
  return args.length === 1 && (args[0] === 'version' || args[0] === '--version')
}
