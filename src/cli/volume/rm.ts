import type { Command } from 'commander'
import type { CommandSession, RunInSession } from '../session.ts'
import { eachCommand } from '../verb.ts'
import { eachVolume } from './matching.ts'

/** The command `volume rm`. */
export function rmCommand(run: RunInSession): Command {
  return eachCommand(
    run,
    {
      name: 'rm',
      aliases: ['r', 'remove', 'delete', 'del'],
      description: 'destroy volumes that nobody uses, and what is on them',
      argument: ['<volume...>', 'their names or ids; nothing that only begins so is destroyed'],
      examples: ['volume rm data', 'volume rm --dryRun data logs'],
    },
    removeVolumes,
  ).option('--force', "accepted for REX-Ray's sake: a volume that is in use stays all the same")
}

/** Destroys the volumes, and prints each name as soon as it is gone. */
export async function removeVolumes(
  session: CommandSession,
  names: readonly string[],
  { continueOnError }: { readonly continueOnError?: boolean },
): Promise<number> {
  const { volumes, signal, stdout } = session
  return await eachVolume(session, { names, doing: 'removing', continueOnError }, async (name) => {
    // A repeated Remove is a success for Docker; a person who mistyped a name wants to know.
    await volumes.get(name, { signal })
    await volumes.remove(name, { signal })
    stdout.write(`${name}\n`)
  })
}
