import * as z from 'zod'
import { SINCE_UNTOLD } from '../../libstorage/attachment-time.ts'
import type { InstanceId, VolumeAttachment, VolumeId } from '../../libstorage/types.ts'
import type { Reference, WebSession } from './client.ts'
import { Code, hasCode } from './fault.ts'
import { makerSchema } from './makers.ts'

/** What begins the line of a medium's description that is ours; whatever stands before it is the user's. */
const MARK = 'remora '
/** Where it stands instead in versions whose descriptions cannot be set. Other names with a slash end the service. */
export const MARK_PROPERTY = 'Special/remora'

const factsSchema = z.object({
  /** `adopted`: a volume that somebody else made, and that we have attached. */
  kind: z.enum(['volume', 'snapshot', 'adopted']),
  name: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  /** ISO 8601. */
  createdAt: z.string().optional(),
  madeFrom: z.enum(['snapshot', 'volume']).optional(),
  /** Of a snapshot: the volume it was taken of, and what that was called. */
  volumeId: z.string().optional(),
  volumeName: z.string().optional(),
  /** The last machine that was to get it from us, and when; of none, when it was taken from the last one. */
  attachment: z.object({ machine: z.string(), since: z.string() }).optional(),
  /** Of a copy that is not whole: who makes it. */
  unfinished: makerSchema.optional(),
  /** Properties of somebody else that were taken off, and by whom. */
  keeping: z
    .object({ properties: z.record(z.string(), z.string()), maker: makerSchema })
    .optional(),
})

/** What is kept of a medium with the medium, in VirtualBox's registry. */
export type Facts = z.infer<typeof factsSchema>

/** What a medium's description says: our facts, and the text that is the user's own. */
export interface Description {
  readonly facts: Facts | undefined
  readonly text: string
}

/** Reads what a medium says of itself, be it as this version of VirtualBox keeps it or as the one before did. */
export async function readDescription(
  session: WebSession,
  medium: Reference,
  signal?: AbortSignal,
): Promise<Description> {
  const _this = medium
  const said = parseDescription(await ownDescription(session, medium, signal))
  if (said.facts !== undefined && !(await session.isOld(signal))) return said
  const properties = await session.call('IMedium_getProperties', { _this, names: '' }, signal)
  return { ...said, facts: later(said.facts, parseFacts(properties[MARK_PROPERTY] ?? '')) }
}

/** Keeps facts with a medium, which may be one that has no file yet; not while a running machine has it. */
export async function writeFacts(
  session: WebSession,
  medium: Reference,
  facts: Facts,
  text = '',
): Promise<void> {
  try {
    await writeDescription(session, medium, facts, text)
  } catch (error) {
    if (!hasCode(error, Code.notImplemented)) throw error
    const value = JSON.stringify(facts)
    await session.call('IMedium_setProperty', { _this: medium, name: MARK_PROPERTY, value })
  }
}

/** Writes a medium's description, with facts or without, where this version of VirtualBox has one. */
export async function writeDescription(
  session: WebSession,
  medium: Reference,
  facts: Facts | undefined,
  text: string,
): Promise<void> {
  const lines = [...(text === '' ? [] : [text]), ...(facts ? [MARK + JSON.stringify(facts)] : [])]
  const description = lines.join('\n')
  await session.call('IMedium_setDescription', { _this: medium, description })
}

/**
 * The attachment that a slot of a machine is. It began when its volume was last marked, or after that: of two guests at once
 * one may attach it, and the other have marked it. While a running machine has it the mark stays what it is.
 */
export function attachmentOf(
  { id, facts }: { readonly id: VolumeId; readonly facts: Facts | undefined },
  instanceId: InstanceId,
  deviceName?: string,
): VolumeAttachment {
  const marked = facts?.attachment
  const since = marked === undefined ? SINCE_UNTOLD : new Date(marked.since)
  const named = deviceName === undefined ? {} : { deviceName }
  return { volumeId: id, instanceId, state: 'attached', since, ...named }
}

/** Whether both name one attachment, or none. */
export function isSameMark(one: Facts | undefined, other: Facts | undefined): boolean {
  const [mark, otherMark] = [one?.attachment, other?.attachment]
  return mark?.machine === otherMark?.machine && mark?.since === otherMark?.since
}

/** The time of a next mark (ISO 8601): no two have the same, whatever clocks say. */
export function timeAfter(facts: Facts): string {
  return new Date(Math.max(Date.now(), timeOf(facts) + 1)).toISOString()
}

/** Where a host went from one version to another and back, both places may have a mark. */
function later(said: Facts | undefined, noted: Facts | undefined): Facts | undefined {
  if (said === undefined || noted === undefined) return said ?? noted
  return timeOf(noted) > timeOf(said) ? noted : said
}

function timeOf({ attachment }: Facts): number {
  return Date.parse(attachment?.since ?? '') || 0
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
