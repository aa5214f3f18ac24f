import type { AnsweringServer } from '../../config/find-answers.ts'
import type { Flags } from '../../config/load.ts'
import type { Volume } from '../../libstorage/types.ts'
import type { Viewpoint, VolumeView } from '../../mount/integration-driver.ts'
import { reportError, type Surroundings } from '../context.ts'
import { exitStatusOf } from '../exit-status.ts'
import { inCommandSession } from '../session.ts'
import { type ListSession, listVolumes } from '../volume/list-volumes.ts'
import { requireReadableTemplate } from '../volume/readable-template.ts'
import { askServer } from './ask-server.ts'
import type { QuickRequest } from './request.ts'

/** Finds the server that may be asked by a command with these flags; undefined where there is none. */
export type FindAnswers = (flags: QuickRequest['flags']) => Promise<AnsweringServer | undefined>

/**
 * Runs a command that the server can answer, and sees for itself where it does not. Resolves with the exit status, or with
 * undefined, and nothing done, for what the whole program has to run.
 */
export async function runQuickly(
  request: QuickRequest,
  surroundings: Surroundings,
  findAnswers: FindAnswers,
): Promise<number | undefined> {
  try {
    const server = await findAnswers(request.flags)
    if (request.verb === 'path') return await printPaths(server, request.names, surroundings)
    return await list(server, request, surroundings)
  } catch (error) {
    reportError(surroundings, error)
    return exitStatusOf(error)
  }
}

async function list(
  server: AnsweringServer | undefined,
  { names, options, flags }: QuickRequest,
  surroundings: Surroundings,
): Promise<number> {
  await requireReadableTemplate(options)
  const answered = server && (await listedBy(server))
  if (answered !== undefined)
    return await listVolumes({ ...answered, stdout: surroundings.stdout }, names, options)
  const context = { ...surroundings, flags: (): Flags => ({ ...flags, properties: {} }) }
  return await inCommandSession(context, { isRehearsal: false }, (session) =>
    listVolumes(session, names, options),
  )
}

async function listedBy(server: AnsweringServer): Promise<Omit<ListSession, 'stdout'> | undefined> {
  const answer = await askServer(server, { call: 'Remora.List' })
  if (!Array.isArray(answer?.['volumes'])) return undefined
  // The server is of this very build.
  const { volumes, viewpoint } = answer as unknown as {
    volumes: VolumeView[]
    viewpoint: Viewpoint
  }
  const views = volumes.map((view) => ({ ...view, volume: withDates(view.volume) }))
  return {
    volumes: { list: async () => views },
    viewpoint: async () => viewpoint,
    signal: new AbortController().signal,
    progress: (_doing, work) => work(),
  }
}

/** A volume as it was before it became JSON. */
function withDates({ createdAt, attachments, ...volume }: Volume): Volume {
  return {
    ...volume,
    ...(createdAt !== undefined && { createdAt: new Date(createdAt) }),
    attachments: attachments.map((one) => ({ ...one, since: new Date(one.since) })),
  }
}

async function printPaths(
  server: AnsweringServer | undefined,
  names: readonly string[],
  { stdout }: Surroundings,
): Promise<number | undefined> {
  if (server === undefined || names.some((name) => name.startsWith('/'))) return undefined
  const lines: string[] = []
  for (const name of names) {
    const { path } = (await askServer(server, { call: 'Remora.Path', name })) ?? {}
    if (typeof path !== 'string') return undefined
    lines.push(`${path}\n`)
  }
  stdout.write(lines.join(''))
  return 0
}
