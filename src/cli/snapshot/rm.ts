import { Command } from 'commander'
import {
  type CommandSession,
  type EachNameOptions,
  eachName,
  type RunInSession,
} from '../volume/command-session.ts'

/** The command `snapshot rm`. */
export function snapshotRmCommand(run: RunInSession): Command {
  return new Command('rm')
    .aliases(['r', 'remove', 'delete', 'del'])
    .description('destroy snapshots; volumes made from them stay')
    .argument('<snapshot...>', 'their ids or names')
    .option('--continueOnError', 'go on after a snapshot that fails')
    .action((wanted: string[], _options, command: Command) =>
      run((session) => removeSnapshots(session, wanted, command.optsWithGlobals())),
    )
}

/** Destroys the snapshots, and prints each id or name as soon as it is gone. */
export async function removeSnapshots(
  session: CommandSession,
  wanted: readonly string[],
  options: EachNameOptions,
): Promise<number> {
  const { volumes, signal, stdout } = session
  return await eachName(session, wanted, options, async (idOrName) => {
    await volumes.removeSnapshot(idOrName, { signal })
    stdout.write(`${idOrName}\n`)
  })
}
