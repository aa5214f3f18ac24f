import type { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import type { RunWork } from '../program.ts'
import { sessionGroup } from '../session-group.ts'
import { withExamples } from '../verb.ts'
import { snapshotCopyCommand } from './copy.ts'
import { snapshotCreateCommand } from './create.ts'
import { snapshotLsCommand } from './ls.ts'
import { snapshotRmCommand } from './rm.ts'

/** The commands `snapshot …`. */
export function snapshotCommands(context: CommandContext, runs: RunWork): Command {
  const group = sessionGroup(
    {
      name: 'snapshot',
      description: 'list, take, copy and remove snapshots of volumes',
      things: 'snapshots',
      verbs: [snapshotLsCommand, snapshotCreateCommand, snapshotCopyCommand, snapshotRmCommand],
    },
    context,
    runs,
  )
  return withExamples(group, ['snapshot ls', 'snapshot create data --snapshotName nightly'])
}
