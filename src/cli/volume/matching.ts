import {
  FailedPreconditionError,
  InvalidArgumentError,
  NotFoundError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import { type CommandSession, type EachName, eachName } from '../session.ts'
import { patternIn, volumeTest } from './volume-test.ts'

/** What may be the beginning of an id; a shorter one would be the name of a volume that is missing. */
const START_OF_ID = /^vol-[\da-f]{4,}$|^[\da-f-]{8,}$/i

/** Volumes by name, id or `/regex/`. */
export interface EachVolume extends EachName {
  /** Whether the beginning of an id is enough where only one has it. */
  readonly byStartOfId?: boolean
}

/** As {@link eachName}, for volumes. Rejects with `InvalidArgumentError` where none fits a `/regex/`. */
export async function eachVolume(
  session: CommandSession,
  { names, byStartOfId = false, ...each }: EachVolume,
  act: (name: string) => Promise<void>,
): Promise<number> {
  const meant = await meantVolumes(session, names)
  if (!byStartOfId) return await eachName(session, { ...each, names: meant }, act)
  return await eachName(session, { ...each, names: meant }, async (name) =>
    act(START_OF_ID.test(name) ? await wholeId(session, name) : name),
  )
}

/**
 * The names that are meant: each as it stands, and for a `/regex/` those of all volumes that fit it, whose slashes no name
 * can have.
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

/** A name, or a whole id, counts before what only begins so; where no id does, the text is left as it is. */
async function wholeId({ volumes, signal }: CommandSession, text: string): Promise<string> {
  try {
    await volumes.get(text, { signal })
    return text
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error
  }
  const start = text.toLowerCase()
  const ids = (await volumes.list({ signal }))
    .map(({ volume }) => volume.id)
    .filter((id) => id.toLowerCase().startsWith(start))
  if (ids.length <= 1) return ids[0] ?? text
  throw new FailedPreconditionError({
    subject: volumeNamed(text),
    problem: `is the beginning of ${ids.length} ids: ${ids.toSorted().join(', ')}`,
    remedy: 'give more of it',
  })
}
