import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { origin, version } from '../version.ts'

/** Which configuration of a command a server answers for. */
export interface ServedConfiguration {
  /** What the flags of the command say; absent where they say nothing. */
  readonly flags: { readonly configFile?: string; readonly service?: string }
  /** The service that such a command means. */
  readonly service: string
  /** What a command has to have found around it, by name. */
  readonly variables: readonly string[]
  readonly files: readonly string[]
  /** Their digest, see `surroundingsDigest`. */
  readonly digest: string
  /** Their mark, see `surroundingsMark`; absent where they have none. */
  readonly mark?: string
}

/** What a server says of itself to the command line of the same home. */
export interface Serving {
  /** {@link build} of the program. */
  readonly build: string
  /** The path of its socket. */
  readonly socket: string
  /** Of the digests. */
  readonly key: string
  readonly configurations: readonly ServedConfiguration[]
}

/** What tells this build of the program from others. */
export const build = [version, origin.commit, origin.formed].join(' ').trimEnd()

/** The file, in the run directory, by which commands find a server that can answer for them. */
export function servingFile(runDirectory: string): string {
  return join(runDirectory, 'serving.json')
}

/** What a server of this very build has written there; undefined where there is none. */
export function readServing(runDirectory: string): Serving | undefined {
  try {
    const serving: Serving = JSON.parse(readFileSync(servingFile(runDirectory), 'utf8'))
    return serving.build === build ? serving : undefined
  } catch {
    return undefined
  }
}
