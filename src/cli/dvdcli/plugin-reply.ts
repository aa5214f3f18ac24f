/** What a plugin answers, as far as it is used; what it left out is empty. */
export interface PluginReply {
  readonly mountpoint: string
  readonly implements: readonly string[]
  readonly volume: NamedVolume | undefined
  readonly volumes: readonly NamedVolume[]
}

/** A volume as a plugin shows it. */
export interface NamedVolume {
  readonly name: string
  readonly mountpoint: string
}

/** The plugin's own refusal, in its words. */
export class RefusedError extends Error {}

type Fields = Readonly<Record<string, unknown>>

/**
 * Reads an answer as Docker's engine does (moby, pkg/plugins/client.go): 200 alone is a success, keys in any letter case,
 * what stands behind the first value is ignored. Throws `RefusedError` with the plugin's text.
 */
export function readReply(status: number, said: string): PluginReply {
  const fields = fieldsOf(firstValue(said))
  const refusal = fields === undefined ? '' : refusalIn(fields)
  if (refusal !== '') throw new RefusedError(refusal)
  if (status !== 200) throw new RefusedError(said.trim() || `the plugin answered ${status}`)
  if (fields === undefined) throw unreadable(said)
  return {
    mountpoint: text(fields, 'mountpoint'),
    implements: list(fields, 'implements').filter((one) => typeof one === 'string'),
    volume: namedVolume(fields['volume']),
    volumes: list(fields, 'volumes').flatMap((one) => namedVolume(one) ?? []),
  }
}

/** The first JSON value of a text; undefined where it has none. */
function firstValue(said: string): unknown {
  for (const candidate of [said, firstObject(said)]) {
    try {
      return JSON.parse(candidate)
    } catch {}
  }
  return undefined
}

function firstObject(said: string): string {
  let depth = 0
  for (const { 0: token, index } of said.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/gs)) {
    if (token === '{' || token === '[') depth += 1
    if (token === '}' || token === ']') depth -= 1
    if (depth === 0) return said.slice(0, index + token.length)
  }
  return ''
}

/** By lower-case names; `null` is an object without any, and what is no object is undefined. */
function fieldsOf(value: unknown): Fields | undefined {
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) return undefined
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key.toLowerCase(), one]))
}

/** An `Err` that is no text is said as it came. */
function refusalIn(fields: Fields): string {
  const error = fields['err'] ?? ''
  return typeof error === 'string' ? error : JSON.stringify(error)
}

function namedVolume(value: unknown): NamedVolume | undefined {
  const fields = fieldsOf(value ?? undefined)
  return fields && { name: text(fields, 'name'), mountpoint: text(fields, 'mountpoint') }
}

function text(fields: Fields, key: string): string {
  const value = fields[key] ?? ''
  if (typeof value === 'string') return value
  throw unreadable(JSON.stringify(fields))
}

function list(fields: Fields, key: string): readonly unknown[] {
  const value = fields[key] ?? []
  if (Array.isArray(value)) return value
  throw unreadable(JSON.stringify(fields))
}

function unreadable(said: string): RefusedError {
  return new RefusedError(
    `the plugin answered ${said.trim() === '' ? 'nothing' : JSON.stringify(said.trim())} instead of a JSON object`,
  )
}
