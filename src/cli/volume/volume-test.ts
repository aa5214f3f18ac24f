import { InvalidArgumentError } from '../../libstorage/errors.ts'
import type { Volume } from '../../libstorage/types.ts'

/** Whether a volume is one that is asked for: by the beginning of its name or id, or by a `/regex/`. */
export function volumeTest(wanted: string): (volume: Pick<Volume, 'id' | 'name'>) => boolean {
  const pattern = patternIn(wanted)
  if (pattern === undefined) {
    const start = wanted.toLowerCase()
    return ({ id, name }) => [id, name].some((text) => text.toLowerCase().startsWith(start))
  }
  const regex = regexOf(pattern)
  return ({ id, name }) => regex.test(id) || regex.test(name)
}

function regexOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'iu')
  } catch (cause) {
    throw new InvalidArgumentError({
      subject: `/${pattern}/`,
      problem: 'is not a regular expression',
      remedy: 'correct it, or give names',
      cause,
    })
  }
}

/** What stands between the slashes of a `/regex/`, which no name can be; undefined for anything else. */
export function patternIn(wanted: string): string | undefined {
  return /^\/(?<pattern>.+)\/$/.exec(wanted)?.groups?.['pattern']
}
