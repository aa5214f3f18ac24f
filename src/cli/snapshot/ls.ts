import { Command } from 'commander'
import type { CommandSession, RunInSession } from '../volume/command-session.ts'
import { type PrintSnapshotOptions, printSnapshots } from './print-snapshots.ts'

/** The command `snapshot ls`. */
export function snapshotLsCommand(run: RunInSession): Command {
  return new Command('ls')
    .aliases(['l', 'list', 'get', 'inspect'])
    .description('list snapshots')
    .argument('[snapshot...]', 'only those with one of these ids or names')
    .action((wanted: string[], _options, command: Command) =>
      run((session) => listSnapshots(session, wanted, command.optsWithGlobals())),
    )
}

/** Prints the snapshots that are wanted; all of them where nothing is said. */
export async function listSnapshots(
  { volumes, signal, stdout }: CommandSession,
  wanted: readonly string[],
  options: PrintSnapshotOptions,
): Promise<number> {
  const all = await volumes.snapshots({ signal })
  const isWanted = ({ id, name }: { readonly id: string; readonly name: string }) =>
    wanted.length === 0 || wanted.includes(id) || wanted.includes(name)
  printSnapshots(stdout, all.filter(isWanted), options)
  return 0
}
