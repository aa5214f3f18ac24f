import type { Command } from 'commander'
import { type CommandSession, eachName, type RunInSession } from '../session.ts'
import { eachCommand } from '../verb.ts'

/** The command `snapshot rm`. */
export function snapshotRmCommand(run: RunInSession): Command {
  return eachCommand(
    run,
    {
      name: 'rm',
      aliases: ['r', 'remove', 'delete', 'del'],
      description: 'destroy snapshots; volumes made from them stay',
      argument: ['<snapshot...>', 'their ids or names'],
      examples: ['snapshot rm before-upgrade'],
    },
    removeSnapshots,
  )
}

/** Destroys the snapshots, and prints each id or name as soon as it is gone. */
export async function removeSnapshots(
  session: CommandSession,
  names: readonly string[],
  { continueOnError }: { readonly continueOnError?: boolean },
): Promise<number> {
  const { volumes, signal, stdout } = session
  return await eachName(session, { names, doing: 'removing', continueOnError }, async (name) => {
    await volumes.removeSnapshot(name, { signal })
    stdout.write(`${name}\n`)
  })
}
