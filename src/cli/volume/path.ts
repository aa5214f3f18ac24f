import { Command } from 'commander'
import {
  type CommandSession,
  type EachNameOptions,
  eachName,
  type RunInSession,
} from './command-session.ts'
import { notMounted } from './unmount.ts'

/** The command `volume path`. */
export function pathCommand(run: RunInSession): Command {
  return new Command('path')
    .description('print the directories that containers get')
    .argument('<volume...>', 'their names')
    .option('--continueOnError', 'go on after a volume that fails')
    .action((names: string[], _options, command: Command) =>
      run((session) => printPaths(session, names, command.optsWithGlobals())),
    )
}

/** Prints a line with the directory of each volume that is mounted here; any other is a `FailedPreconditionError`. */
export async function printPaths(
  session: CommandSession,
  names: readonly string[],
  options: EachNameOptions,
): Promise<number> {
  const { volumes, signal, stdout } = session
  return await eachName(session, names, options, async (name) => {
    const path = await volumes.path(name, { signal })
    if (path === undefined) {
      // A name that no volume has is a mistake of another kind.
      await volumes.get(name, { signal })
      throw notMounted(name)
    }
    stdout.write(`${path}\n`)
  })
}
