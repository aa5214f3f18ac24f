import type { Command } from 'commander'
import type { Snapshot } from '../../libstorage/types.ts'
import type { OutputOptions } from '../output/forms.ts'
import type { CommandSession, RunInSession } from '../session.ts'
import { verbCommand } from '../verb.ts'
import { openSnapshotPrinter } from './print-snapshots.ts'

/** The command `snapshot ls`. */
export function snapshotLsCommand(run: RunInSession): Command {
  return verbCommand(
    run,
    {
      name: 'ls',
      aliases: ['l', 'list', 'get', 'inspect'],
      description: 'list snapshots',
      argument: [
        '[snapshot...]',
        'only those with one of these ids or names, or of these volume ids',
      ],
      examples: ['snapshot ls', "snapshot ls -f '{{.ID}}' nightly"],
    },
    listSnapshots,
  )
}

/** Prints the snapshots that are wanted; all of them where nothing is said. */
export async function listSnapshots(
  { volumes, signal, stdout, progress }: CommandSession,
  wanted: readonly string[],
  options: OutputOptions,
): Promise<number> {
  const print = await openSnapshotPrinter(options)
  const all = await progress('listing snapshots', () => volumes.snapshots({ signal }))
  const isWanted = ({ id, name, volumeId }: Snapshot) =>
    wanted.length === 0 || [id, name, volumeId].some((text) => wanted.includes(text))
  stdout.write(print(all.filter(isWanted)))
  return 0
}
