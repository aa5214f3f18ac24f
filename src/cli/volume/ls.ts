import { Command } from 'commander'
import { InvalidArgumentError } from '../../libstorage/errors.ts'
import type { Volume } from '../../libstorage/types.ts'
import type { CommandSession, RunInSession } from './command-session.ts'
import { type PrintOptions, printVolumes } from './print-volumes.ts'
import { volumeStatus } from './volume-report.ts'

/** What `volume ls` was asked for. */
export interface ListOptions extends PrintOptions {
  readonly attached?: boolean
  readonly available?: boolean
}

/** The command `volume ls`. */
export function lsCommand(run: RunInSession): Command {
  return new Command('ls')
    .aliases(['l', 'list', 'get', 'inspect'])
    .description('list volumes')
    .argument('[volume...]', 'only those whose name or id begins so, or fits a /regex/')
    .option('--attached', 'only those that are attached here')
    .option('--available', 'only those that are attached nowhere')
    .option('--path', 'with the directories that containers get')
    .action((wanted: string[], _options, command: Command) =>
      run((session) => listVolumes(session, wanted, command.optsWithGlobals())),
    )
}

/** Prints the volumes that are wanted; all of them where nothing is said. */
export async function listVolumes(
  { volumes, signal, stdout, viewpoint }: CommandSession,
  wanted: readonly string[],
  options: ListOptions,
): Promise<number> {
  const tests = wanted.map(volumeTest)
  const [views, here] = await Promise.all([volumes.list({ signal }), viewpoint()])
  const statuses = [options.attached && 'attached', options.available && 'available']
  const isAnyStatus = !statuses.some(Boolean)
  const listed = views.filter(
    ({ volume }) =>
      (tests.length === 0 || tests.some((test) => test(volume))) &&
      (isAnyStatus || statuses.includes(volumeStatus(volume, here))),
  )
  printVolumes(stdout, listed, here, options)
  return 0
}

function volumeTest(wanted: string): (volume: Volume) => boolean {
  const pattern = /^\/(?<pattern>.+)\/$/.exec(wanted)?.groups?.['pattern']
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
