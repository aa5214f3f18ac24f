import { link, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import * as z from 'zod'
import { syncFolder, writeNew } from './libstorage/durable-file.ts'
import {
  FailedPreconditionError,
  isStorageError,
  PermissionDeniedError,
  systemCode,
} from './libstorage/errors.ts'
import { leftoverName, sweepLeftovers } from './libstorage/leftover.ts'
import { makeFolder } from './libstorage/make-folder.ts'
import type { ProviderDefinition } from './providers/definition.ts'

/** The file, in the lib directory, that says what was chosen where nothing is configured. */
export const CHOICE_FILE = 'default-service.json'

/** In the order in which they are preferred. */
const CANDIDATES = ['loop', 'vfs']

const choiceSchema = z.object({
  driver: z.string(),
  /** Why this driver, as a clause. */
  reason: z.string(),
  /** ISO 8601. */
  chosenAt: z.string(),
})

/** What the program chose to serve because nothing is configured. */
export type DefaultChoice = Readonly<z.infer<typeof choiceSchema>>

/**
 * Chooses the driver to serve where nothing is configured, once for ever: the first choice is recorded, and a later start
 * that cannot serve it rejects with `FailedPreconditionError`, because another driver would show empty volumes under the
 * names of full ones.
 */
export async function chooseDefaultService(
  providers: readonly ProviderDefinition[],
  libDirectory: string,
): Promise<DefaultChoice> {
  const file = path.join(libDirectory, CHOICE_FILE)
  const recorded = await readChoice(file)
  if (recorded !== undefined) return await stillServable(recorded, providers, file)
  const choice = await choose(providers)
  const first = await recordOnce(choice, file)
  return first === choice ? choice : await stillServable(first, providers, file)
}

/** What {@link chooseDefaultService} would choose, without recording it; `recorded` is the text of the file if there is one. */
export async function foreseeDefaultService(
  providers: readonly ProviderDefinition[],
  file: string,
  recorded: string | undefined,
): Promise<DefaultChoice> {
  return recorded === undefined
    ? await choose(providers)
    : await stillServable(parseChoice(recorded, file), providers, file)
}

async function choose(providers: readonly ProviderDefinition[]): Promise<DefaultChoice> {
  const obstacles: string[] = []
  for (const driver of CANDIDATES) {
    const why = await whyUnavailable(providers, driver)
    if (why === undefined) {
      const reason = ['nothing is configured', ...obstacles].join(' and ')
      return { driver, reason, chosenAt: new Date().toISOString() }
    }
    obstacles.push(`${driver} ${why}`)
  }
  throw new FailedPreconditionError({
    subject: 'this machine',
    problem: `has no storage to offer without a configuration: ${obstacles.join(', ')}`,
    remedy: 'configure a service',
  })
}

async function stillServable(
  choice: DefaultChoice,
  providers: readonly ProviderDefinition[],
  file: string,
): Promise<DefaultChoice> {
  const why = await whyUnavailable(providers, choice.driver)
  if (why === undefined) return choice
  throw new FailedPreconditionError({
    subject: `the default service ${choice.driver}`,
    problem: `was chosen at ${choice.chosenAt} and cannot be served now: ${choice.driver} ${why}`,
    remedy: `make that possible again, or configure a service, or remove ${file} to choose anew`,
  })
}

async function whyUnavailable(
  providers: readonly ProviderDefinition[],
  driver: string,
): Promise<string | undefined> {
  const definition = providers.find(({ name }) => name === driver)
  return definition === undefined ? 'is not part of this program' : await definition.unavailable()
}

async function readChoice(file: string): Promise<DefaultChoice | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw noAccess(file, error)
  }
  return parseChoice(text, file)
}

function parseChoice(text: string, file: string): DefaultChoice {
  try {
    return choiceSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new FailedPreconditionError({
      subject: file,
      problem: 'does not say which service was chosen as the default',
      remedy: 'configure a service, or remove the file to choose anew',
      cause,
    })
  }
}

/** Of several processes that choose at once the first one wins; all of them return its choice. */
async function recordOnce(choice: DefaultChoice, file: string): Promise<DefaultChoice> {
  const temporary = path.join(path.dirname(file), leftoverName('choosing'))
  try {
    await makeFolder(path.dirname(file))
    sweepLeftovers(path.dirname(file))
    await writeNew(temporary, `${JSON.stringify(choice, null, 2)}\n`)
    await link(temporary, file)
    await syncFolder(path.dirname(file))
    return choice
  } catch (error) {
    if (systemCode(error) !== 'EEXIST')
      throw noAccess(file, isStorageError(error) ? error.cause : error)
    return (await readChoice(file)) ?? choice
  } finally {
    await rm(temporary, { force: true })
  }
}

function noAccess(file: string, cause: unknown): unknown {
  const code = systemCode(cause)
  if (['ENOTDIR', 'ENOENT', 'EEXIST', 'ELOOP'].includes(code ?? '')) {
    return new FailedPreconditionError({
      subject: `folder ${path.dirname(file)}`,
      problem:
        'cannot be made: something on the way there is no folder, or a link that leads nowhere',
      remedy: 'mount what belongs there, or set REXRAY_HOME',
      cause,
    })
  }
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') return cause
  return new PermissionDeniedError({
    subject: file,
    problem: 'records the service that is served without a configuration, and is not accessible',
    remedy: 'run as root, set REXRAY_HOME to a folder of your own, or configure a service',
    cause,
  })
}
