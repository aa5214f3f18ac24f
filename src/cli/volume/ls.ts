import type { Command } from 'commander'
import type { RunInSession } from '../session.ts'
import { verbCommand } from '../verb.ts'
import { listVolumes } from './list-volumes.ts'

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
