import { Command } from 'commander'
import type { CommandSession, RunInSession } from '../volume/command-session.ts'
import { type PrintSnapshotOptions, printSnapshots } from './print-snapshots.ts'

/** What `snapshot create` was asked for. */
export interface SnapshotCreateOptions extends PrintSnapshotOptions {
  readonly snapshotName?: string
}

/** The command `snapshot create`. */
export function snapshotCreateCommand(run: RunInSession): Command {
  return new Command('create')
    .aliases(['c', 'n', 'new'])
    .description('keep what a volume holds at this moment, in use or not')
    .argument('<volume>', 'its name')
    .option('--snapshotName <name>', 'what the snapshot is called')
    .action((name: string, _options, command: Command) =>
      run((session) => takeSnapshot(session, name, command.optsWithGlobals())),
    )
}

/** Takes a snapshot and prints it. */
export async function takeSnapshot(
  { volumes, signal, stdout }: CommandSession,
  volume: string,
  options: SnapshotCreateOptions,
): Promise<number> {
  const taken = await volumes.createSnapshot(volume, options.snapshotName ?? '', { signal })
  printSnapshots(stdout, [taken], options)
  return 0
}
