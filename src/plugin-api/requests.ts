import * as z from 'zod'
import { InvalidArgumentError } from '../libstorage/errors.ts'

/** What a client asks for, whichever call it is; what a call does not carry is empty. */
export interface PluginRequest {
  /** Verbatim: Docker does not check the names of plugins' volumes, the driver does. */
  readonly name: string
  /** The id of Mount and Unmount, or '' where the client sends none (dvdcli, Docker up to 1.11). */
  readonly holder: string
  readonly options: Readonly<Record<string, string>>
}

interface WireRequest {
  readonly Name?: string | null | undefined
  readonly ID?: string | null | undefined
  readonly Opts?: Record<string, string> | null | undefined
}

/** How the body of a call is read. Keys that nobody knows are ignored. */
export type RequestSchema = z.ZodType<WireRequest>

const text = z.string().nullish()
const optionValue = z
  .union([z.string(), z.number(), z.boolean(), z.null()])
  .transform((value) => (value === null ? '' : String(value)))

/** Activate, Capabilities, List: Docker sends `{}`, Podman nothing. */
export const emptyRequest: RequestSchema = z.object({})
/** Get, Path, Remove. */
export const nameRequest: RequestSchema = z.object({ Name: text })
/** Create; `Opts` is null, `{}` or absent where there are none. */
export const createRequest: RequestSchema = z.object({
  Name: text,
  Opts: z.record(z.string(), optionValue).nullish(),
})
/** Mount, Unmount. */
export const holderRequest: RequestSchema = z.object({ Name: text, ID: text })

/**
 * Reads the body of a call; an empty one is a request without a name. Throws `InvalidArgumentError` for what is not a
 * JSON object of the call's shape.
 */
export function parseRequest(schema: RequestSchema, body: string): PluginRequest {
  const json = body.trim() === '' ? {} : (parseJson(body) ?? {})
  refuseProto(json)
  const { success, data, error } = schema.safeParse(json)
  if (!success) throw wrongShape(error)
  return { name: data.Name ?? '', holder: data.ID ?? '', options: data.Opts ?? {} }
}

/** An option of this name would be lost on the way, where every other one that nobody knows is refused. */
function refuseProto(json: unknown): void {
  const { Opts: options } = Object(json) as { Opts?: unknown }
  if (options === null || typeof options !== 'object' || !Object.hasOwn(options, '__proto__'))
    return
  throw new InvalidArgumentError({
    subject: 'option __proto__',
    problem: 'is unknown',
    remedy: 'leave it out',
  })
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new InvalidArgumentError({
      subject: 'the request',
      problem: 'is not JSON',
      remedy: 'send an object like {"Name": "data"}',
      cause,
    })
  }
}

function wrongShape(cause: z.ZodError): InvalidArgumentError {
  const path = cause.issues[0]?.path.join('.') ?? ''
  return new InvalidArgumentError({
    subject: path === '' ? 'the request' : `field ${JSON.stringify(path)} of the request`,
    problem: path === '' ? 'is not a JSON object' : 'has the wrong type',
    remedy: 'send an object like {"Name": "data", "ID": "c0ffee", "Opts": {"size": "10"}}',
    cause,
  })
}
