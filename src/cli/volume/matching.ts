import { InvalidArgumentError } from '../../libstorage/errors.ts'
import { type CommandSession, type EachName, eachName } from '../session.ts'
import { patternIn, volumeTest } from './volume-test.ts'

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
