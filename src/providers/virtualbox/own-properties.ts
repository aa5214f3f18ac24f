import { FailedPreconditionError, isStorageError, volumeNamed } from '../../libstorage/errors.ts'
import { poll } from '../../libstorage/wait.ts'
import type { Reference, WebSession } from './client.ts'
import { type Facts, MARK_PROPERTY, readDescription, writeDescription } from './facts.ts'
import { Code, hasCode, VboxFault } from './fault.ts'
import type { Makers } from './makers.ts'
import type { Medium } from './media.ts'

/** Those that anybody may set; the others are the format's. */
const ANYBODYS = 'Special/'
/** How long a disk that is locked is waited for before it is told that it is, in milliseconds. */
const LOCKED = { intervalMs: 250, timeoutMs: 5_000 }

type Properties = Readonly<Record<string, string>>

/** What taking properties off and giving them back works with. */
export interface PropertiesContext {
  readonly makers: Makers
  /** Told of what is amiss though it goes on. */
  readonly warn?: ((message: string) => void) | undefined
  /** What all pauses are multiplied by. */
  readonly pace: number
}

/**
 * Does work while a medium has no properties of anybody's own: VirtualBox 7.2.22 comes to its end when one that has any is
 * copied. They are kept in its description meanwhile, and given back afterwards; a mark of ours moves there for good.
 */
export async function withoutProperties<T>(
  context: PropertiesContext,
  session: WebSession,
  { ref }: Pick<Medium, 'ref'>,
  work: () => Promise<T>,
): Promise<T> {
  if (!(await session.endsOfProperties())) return await work()
  // What was read before may be out of date by now, and is written back below.
  const { facts, text } = await readDescription(session, ref)
  if (facts?.keeping && !(await context.makers.isAbandoned(session, facts.keeping.maker)))
    throw isCopied(facts)
  const own = await propertiesOf(session, ref)
  const { [MARK_PROPERTY]: _, ...theirs } = own
  const properties = { ...facts?.keeping?.properties, ...theirs }
  if (Object.keys({ ...properties, ...own }).length === 0) return await work()
  const maker = await context.makers.begin(session)
  try {
    const keeping = Object.keys(properties).length === 0 ? {} : { keeping: { properties, maker } }
    const kept: Facts = { ...(facts ?? { kind: 'adopted' }), ...keeping }
    await writeDescription(session, ref, kept, text)
    for (const name of Object.keys(own))
      await session.call('IMedium_setProperty', { _this: ref, name, value: '' })
    return await work()
  } finally {
    // What the work came to counts more.
    await giveBackProperties(context, session, ref, properties).catch(() => {})
    context.makers.end(maker)
  }
}

/**
 * Gives the properties back that a medium keeps in its description, or those that were taken off it, where somebody has
 * overwritten that. What cannot be given back is told of, and stays there.
 */
export async function giveBackProperties(
  { warn, pace }: Pick<PropertiesContext, 'warn' | 'pace'>,
  session: WebSession,
  ref: Reference,
  taken: Properties = {},
): Promise<void> {
  const { facts } = await readDescription(session, ref)
  const properties = facts?.keeping?.properties ?? taken
  if (facts?.keeping === undefined && Object.keys(taken).length === 0) return
  const give = async () => {
    try {
      await setMissing(session, ref, properties)
      await forgetKept(session, ref)
      return true
    } catch (error) {
      if (hasCode(error, Code.invalidObjectState)) return undefined
      throw error
    }
  }
  const { intervalMs, timeoutMs } = LOCKED
  try {
    const limits = { intervalMs: intervalMs * pace, timeoutMs: timeoutMs * pace }
    if (await poll(give, limits)) return
    warn?.(notGivenBack(facts, properties, 'the disk is locked'))
  } catch (error) {
    if (!(error instanceof VboxFault || isStorageError(error))) throw error
    warn?.(notGivenBack(facts, properties, error.message))
  }
}

/** The description may have been written by others while the disk was locked. */
async function forgetKept(session: WebSession, ref: Reference): Promise<void> {
  const { facts, text } = await readDescription(session, ref)
  if (facts?.keeping === undefined) return
  const { keeping: _, ...rest } = facts
  await writeDescription(session, ref, isMark(rest) ? rest : undefined, text)
}

/** Whether the facts say more than that somebody's disk was copied. */
function isMark(facts: Facts): boolean {
  return facts.kind !== 'adopted' || Object.keys(facts).length > 1
}

/** What somebody has set meanwhile counts. */
async function setMissing(
  session: WebSession,
  ref: Reference,
  properties: Properties,
): Promise<void> {
  const there = await propertiesOf(session, ref)
  for (const [name, value] of Object.entries(properties))
    if (there[name] === undefined)
      await session.call('IMedium_setProperty', { _this: ref, name, value })
}

async function propertiesOf(session: WebSession, _this: Reference): Promise<Properties> {
  const all = await session.call('IMedium_getProperties', { _this, names: '' })
  return Object.fromEntries(Object.entries(all).filter(([name]) => name.startsWith(ANYBODYS)))
}

/** Another copy would give them back in the middle of this one. */
function isCopied({ name }: Facts): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: name === undefined ? 'a disk' : volumeNamed(name),
    problem:
      'is being copied, and VirtualBox copies disks with properties of their own one at a time',
    remedy: 'wait until that is done, and try again',
  })
}

function notGivenBack(facts: Facts | undefined, properties: Properties, why: string): string {
  const names = Object.keys(properties).join(', ')
  const name = facts?.name
  const subject = name === undefined ? 'a disk' : volumeNamed(name)
  return `${subject} has not got its properties back that were taken off for a copy (${names}): ${why}; they are kept in its description, and given back once that can be done`
}
