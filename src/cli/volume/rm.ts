import { Command } from 'commander'
import {
  type CommandSession,
  type EachNameOptions,
  eachName,
  type RunInSession,
} from './command-session.ts'

/** The command `volume rm`. */
export function rmCommand(run: RunInSession): Command {
  return new Command('rm')
    .aliases(['r', 'remove', 'delete', 'del'])
    .description('destroy volumes that nobody uses, and what is on them')
    .argument('<volume...>', 'their names')
    .option('--continueOnError', 'go on after a volume that fails')
    .action((names: string[], _options, command: Command) =>
      run((session) => removeVolumes(session, names, command.optsWithGlobals())),
    )
}

/** Destroys the volumes, and prints each name as soon as it is gone. */
export async function removeVolumes(
  session: CommandSession,
  names: readonly string[],
  options: EachNameOptions,
): Promise<number> {
  const { volumes, signal, stdout } = session
  return await eachName(session, names, options, async (name) => {
    // A repeated Remove is a success for Docker; a person who mistyped a name wants to know.
    await volumes.get(name, { signal })
    await volumes.remove(name, { signal })
    stdout.write(`${name}\n`)
  })
}
