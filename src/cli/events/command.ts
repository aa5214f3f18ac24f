import { Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../../libstorage/duration.ts'
import type { CommandContext } from '../context.ts'
import type { RunWork } from '../program.ts'
import { withExamples } from '../verb.ts'

/** What `events` was asked for. */
export interface EventsOptions {
  readonly format: 'text' | 'json'
  /** In milliseconds since 1970. */
  readonly since?: number
  readonly follow?: boolean
}

/** The command `events`. */
export function eventsCommand(context: CommandContext, runs: RunWork): Command {
  const command = new Command('events')
    .description('print what happened to volumes on this machine, oldest first')
    .argument('[volume...]', 'only those whose name or id begins so, or fits a /regex/')
    .addOption(
      new Option('-f, --format <format>', 'text, or one JSON object for each line')
        .default('text')
        .choices(['text', 'json']),
    )
    .addOption(
      new Option(
        '--since <when>',
        'only what is younger than 10m, or after a time such as 2026-01-31T08:00Z',
      ).argParser(readMoment),
    )
    .option('--follow', 'go on with what happens from now on, until Ctrl-C')
    .action((wanted: string[], options: EventsOptions) =>
      runs(import('./events.ts').then((work) => work.printEvents(context, wanted, options))),
    )
  return withExamples(command, ['events', 'events data --since 2h', 'events --follow -f json'])
}

function readMoment(text: string): number {
  const ms = parseDuration(text)
  const moment = ms === undefined ? Date.parse(text) : Date.now() - ms
  if (Number.isFinite(moment)) return moment
  throw new InvalidArgumentError(
    'It is a duration such as 10m or 1h30m, or a time such as 2026-01-31T08:00Z.',
  )
}
