import type { Command } from 'commander'
import type { OutputOptions } from '../output/forms.ts'
import type { CommandSession, RunInSession } from '../session.ts'
import { verbCommand } from '../verb.ts'
import { openSnapshotPrinter } from './print-snapshots.ts'

/** What `snapshot copy` was asked for. */
export interface SnapshotCopyOptions extends OutputOptions {
  readonly destinationSnapshotName?: string
  readonly destinationRegion?: string
}

/** The command `snapshot copy`. */
export function snapshotCopyCommand(run: RunInSession): Command {
  return verbCommand(
    run,
    {
      name: 'copy',
      aliases: ['cp'],
      description: 'make another snapshot of what a snapshot holds, in another region perhaps',
      argument: ['<snapshot>', 'its id or name'],
      examples: ['snapshot copy nightly --destinationSnapshotName keep'],
    },
    copySnapshot,
  )
    .option('--destinationSnapshotName <name>', 'what the copy is called; else as the original')
    .option('--destinationRegion <region>', 'where the copy is made; else where the original is')
}

/** Copies a snapshot and prints the copy. */
export async function copySnapshot(
  { volumes, signal, stdout, progress }: CommandSession,
  [idOrName = '']: readonly string[],
  options: SnapshotCopyOptions,
): Promise<number> {
  const print = await openSnapshotPrinter(options)
  const { destinationSnapshotName: name, destinationRegion: region } = options
  const wanted = { ...(name !== undefined && { name }), ...(region !== undefined && { region }) }
  const made = await progress(`copying ${idOrName}`, () =>
    volumes.copySnapshot(idOrName, wanted, { signal }),
  )
  stdout.write(print([made]))
  return 0
}
