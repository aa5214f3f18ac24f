import { InvalidArgumentError } from '../../libstorage/errors.ts'
import type { Volume } from '../../libstorage/types.ts'
import { type CommandSession, type EachName, eachName } from '../session.ts'

/**
 * The names that are meant: each as it stands, and for a `/regex/` those of all volumes that fit it, whose slashes no name
 * can have. Rejects with `InvalidArgumentError` where none does.
 */
async function meantVolumes(
  { volumes, signal }: CommandSession,
  wanted: readonly string[],
): Promise<readonly string[]> {
  if (wanted.every((one) => patternIn(one) === undefined)) return wanted
  const views = await volumes.list({ signal })
  const names = wanted.flatMap((one) => {
    if (patternIn(one) === undefined) return [one]
    const test = volumeTest(one)
    const fitting = views.filter(({ volume }) => test(volume)).map(({ volume }) => volume.name)
    if (fitting.length > 0) return fitting.toSorted()
    throw new InvalidArgumentError({ subject: 'no volumes found:', problem: `none fits ${one}` })
  })
  return [...new Set(names)]
}

/** As {@link eachName}, for volumes by name or `/regex/`. */
export async function eachVolume(
  session: CommandSession,
  each: EachName,
  act: (name: string) => Promise<void>,
): Promise<number> {
  return await eachName(session, { ...each, names: await meantVolumes(session, each.names) }, act)
}

/** Whether a volume is one that is asked for: by the beginning of its name or id, or by a `/regex/`. */
export function volumeTest(wanted: string): (volume: Volume) => boolean {
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

function patternIn(wanted: string): string | undefined {
  return /^\/(?<pattern>.+)\/$/.exec(wanted)?.groups?.['pattern']
}
