import type { Command } from 'commander'
import type { OutputOptions } from '../output/forms.ts'
import type { CommandSession, RunInSession } from '../session.ts'
import { verbCommand } from '../verb.ts'
import { openSnapshotPrinter } from './print-snapshots.ts'

/** What `snapshot create` was asked for. */
export interface SnapshotCreateOptions extends OutputOptions {
  readonly snapshotName?: string
}

/** The command `snapshot create`. */
export function snapshotCreateCommand(run: RunInSession): Command {
  return verbCommand(
    run,
    {
      name: 'create',
      aliases: ['c', 'n', 'new'],
      description: 'keep what a volume holds at this moment, in use or not',
      argument: ['<volume>', 'its name or id'],
      examples: ['snapshot create data --snapshotName before-upgrade'],
    },
    takeSnapshot,
  ).option('--snapshotName <name>', 'what the snapshot is called')
}

/** Takes a snapshot and prints it. */
export async function takeSnapshot(
  { volumes, signal, stdout, progress }: CommandSession,
  [volume = '']: readonly string[],
  options: SnapshotCreateOptions,
): Promise<number> {
  const print = await openSnapshotPrinter(options)
  const taken = await progress(`taking a snapshot of ${volume}`, () =>
    volumes.createSnapshot(volume, options.snapshotName ?? '', { signal }),
  )
  stdout.write(print([taken]))
  return 0
}
