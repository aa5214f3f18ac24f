import { createHmac } from 'node:crypto'
import { countedVariables, type Reading, type Surroundings } from './surroundings.ts'

/** A word that is the same for the same surroundings, and tells nobody what they are who does not have the key. */
export function surroundingsDigest(
  key: string,
  { variables, files }: Surroundings,
  { directories, homeDirectory, uid, env }: Reading,
): string {
  const { etc, lib, log, run, plugins } = directories
  const all = [
    [etc, lib, log, run, plugins, homeDirectory, uid],
    sorted(Object.entries(variables)),
    sorted(countedVariables(env)),
    sorted(Object.entries(files)),
  ]
  return createHmac('sha256', key).update(JSON.stringify(all)).digest('hex')
}

/** What is not there is null in JSON, and an empty text is not. */
function sorted(entries: readonly (readonly [string, string | undefined])[]): unknown {
  return [...entries].sort(([one], [other]) => (one < other ? -1 : 1))
}
