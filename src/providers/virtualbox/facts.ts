import * as z from 'zod'
import type { Reference, WebSession } from './client.ts'
import { Code, hasCode } from './fault.ts'

/** What begins the line of a medium's description that is ours; whatever stands before it is the user's. */
const MARK = 'remora '
/** Where it stands instead in versions whose descriptions cannot be set. Other names with a slash end the service. */
const PROPERTY = 'Special/remora'

const factsSchema = z.object({
  /** `adopted`: a volume that somebody else made, and that we have attached. */
  kind: z.enum(['volume', 'snapshot', 'adopted']),
  name: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  /** ISO 8601. */
  createdAt: z.string().optional(),
  madeFrom: z.enum(['snapshot', 'volume']).optional(),
  /** Of a snapshot: the volume it was taken of. */
  volumeId: z.string().optional(),
  /** The last machine that it was attached to by us, and when; it may have ended since. */
  attachment: z.object({ machine: z.string(), since: z.string() }).optional(),
})

/** What is kept of a medium with the medium, in VirtualBox's registry. */
export type Facts = z.infer<typeof factsSchema>

/** What a medium's description says: our facts, and the text that is the user's own. */
export interface Description {
  readonly facts: Facts | undefined
  readonly text: string
}

/** Reads what a medium says of itself. */
export async function readDescription(
  session: WebSession,
  medium: Reference,
  signal?: AbortSignal,
): Promise<Description> {
  const _this = medium
  const said = parseDescription(await ownDescription(session, medium, signal))
  if (said.facts !== undefined || !(await session.isOld(signal))) return said
  const properties = await session.call('IMedium_getProperties', { _this, names: '' }, signal)
  return { ...said, facts: parseFacts(properties[PROPERTY] ?? '') }
}

/** Keeps facts with a medium, which may be one that has no file yet; not while a running machine has it. */
export async function writeFacts(
  session: WebSession,
  medium: Reference,
  facts: Facts,
  text = '',
): Promise<void> {
  const _this = medium
  const json = JSON.stringify(facts)
  const description = `${text}${text === '' ? '' : '\n'}${MARK}${json}`
  try {
    await session.call('IMedium_setDescription', { _this, description })
  } catch (error) {
    if (!hasCode(error, Code.notImplemented)) throw error
    await session.call('IMedium_setProperty', { _this, name: PROPERTY, value: json })
  }
}

/**
 * Does work while a medium has no properties of anybody's own, and gives them back best it can: VirtualBox 7.2.22 comes to its
 * end when one that has any is copied. In versions before that it keeps them, our mark among them.
 */
export async function withoutProperties<T>(
  session: WebSession,
  medium: Reference,
  work: () => Promise<T>,
): Promise<T> {
  const _this = medium
  if (!(await session.endsOfProperties())) return await work()
  const all = await session.call('IMedium_getProperties', { _this, names: '' })
  const own = Object.entries(all).filter(([name]) => name.startsWith('Special/'))
  try {
    for (const [name] of own) await session.call('IMedium_setProperty', { _this, name, value: '' })
    return await work()
  } finally {
    // What the work came to counts more.
    for (const [name, value] of own)
      await session.call('IMedium_setProperty', { _this, name, value }).catch(() => {})
  }
}

async function ownDescription(
  session: WebSession,
  _this: Reference,
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    return await session.call('IMedium_getDescription', { _this }, signal)
  } catch (error) {
    if (hasCode(error, Code.notImplemented)) return ''
    throw error
  }
}

function parseDescription(description: string): Description {
  const lines = description.split('\n')
  const index = lines.findLastIndex((line) => line.startsWith(MARK))
  const facts = index < 0 ? undefined : parseFacts(lines[index]?.slice(MARK.length) ?? '')
  if (facts === undefined) return { facts, text: description }
  return { facts, text: lines.filter((_, at) => at !== index).join('\n') }
}

function parseFacts(json: string): Facts | undefined {
  try {
    return factsSchema.safeParse(JSON.parse(json)).data
  } catch {
    return undefined
  }
}
