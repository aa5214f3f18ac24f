import type { Command } from 'commander'
import type { CommandSession, RunInSession } from '../session.ts'
import { eachCommand } from '../verb.ts'
import { eachVolume } from './matching.ts'
import { notMounted } from './unmount.ts'

/** The command `volume path`. */
export function pathCommand(run: RunInSession): Command {
  return eachCommand(
    run,
    {
      name: 'path',
      description: 'print the directories that containers get, a line for each volume',
      argument: ['<volume...>', 'their names'],
      examples: ['volume path data', 'volume path --continueOnError data logs'],
    },
    printPaths,
  )
}

/** Prints a line with the directory of each volume that is mounted here; any other is a `FailedPreconditionError`. */
export async function printPaths(
  session: CommandSession,
  names: readonly string[],
  { continueOnError }: { readonly continueOnError?: boolean },
): Promise<number> {
  const { volumes, signal, stdout } = session
  return await eachVolume(
    session,
    { names, doing: 'looking for', continueOnError },
    async (name) => {
      const path = await volumes.path(name, { signal })
      if (path === undefined) {
        // A name that no volume has is a mistake of another kind.
        await volumes.get(name, { signal })
        throw notMounted(name, 'mount it first')
      }
      stdout.write(`${path}\n`)
    },
  )
}
