import type { Command } from 'commander'
import type { CommandSession, RunInSession } from '../session.ts'
import { verbCommand } from '../verb.ts'
import { volumeTest } from './matching.ts'
import { openVolumePrinter, type PrintOptions } from './print-volumes.ts'
import { volumeStatus } from './volume-report.ts'

/** What `volume ls` was asked for. */
export interface ListOptions extends PrintOptions {
  readonly attached?: boolean
  readonly available?: boolean
}

/** The command `volume ls`. */
export function lsCommand(run: RunInSession): Command {
  return verbCommand(
    run,
    {
      name: 'ls',
      aliases: ['l', 'list', 'get', 'inspect'],
      description: 'list volumes',
      argument: ['[volume...]', 'only those whose name or id begins so, or fits a /regex/'],
      examples: [
        'volume ls',
        'volume ls --attached --path',
        "volume ls -f '{{.Name}} {{.Size}}' '/^pg-/'",
        'volume ls -f json',
      ],
    },
    listVolumes,
  )
    .option('--attached', 'only those that are attached here')
    .option('--available', 'only those that are attached nowhere')
    .option('--path', 'with the directories that containers get')
}

/** Prints the volumes that are wanted; all of them where nothing is said. */
export async function listVolumes(
  session: CommandSession,
  wanted: readonly string[],
  options: ListOptions,
): Promise<number> {
  const { volumes, signal, stdout, viewpoint } = session
  const tests = wanted.map(volumeTest)
  const print = await openVolumePrinter(session, options)
  const [views, here] = await session.progress('listing volumes', () =>
    Promise.all([volumes.list({ signal }), viewpoint()]),
  )
  const statuses = [options.attached && 'attached', options.available && 'available']
  const isAnyStatus = !statuses.some(Boolean)
  const listed = views.filter(
    ({ volume }) =>
      (tests.length === 0 || tests.some((test) => test(volume))) &&
      (isAnyStatus || statuses.includes(volumeStatus(volume, here))),
  )
  stdout.write(print(listed))
  return 0
}
