import { Command } from 'commander'
import { COMMAND_HOLDER } from '../../mount/references.ts'
import {
  type CommandSession,
  type EachNameOptions,
  eachName,
  type RunInSession,
} from './command-session.ts'
import { type PrintOptions, printEvenIfItFails } from './print-volumes.ts'

/** What `volume mount` was asked for. */
export interface MountOptions extends PrintOptions, EachNameOptions {
  /** Take the volumes from other machines. */
  readonly force?: boolean
}

/** The command `volume mount`. */
export function mountCommand(run: RunInSession): Command {
  return new Command('mount')
    .aliases(['m'])
    .description('mount volumes on this machine until they are unmounted')
    .argument('<volume...>', 'their names')
    .option('--force', 'take them from another machine, as with mount.preempt true')
    .option('-i, --idempotent', 'accept those that are mounted already, which is always so')
    .option('--continueOnError', 'go on after a volume that fails')
    .action((names: string[], _options, command: Command) =>
      run((session) => mountVolumes(session, names, command.optsWithGlobals())),
    )
}

/** Mounts the volumes and prints them with the directory that containers get. */
export async function mountVolumes(
  session: CommandSession,
  names: readonly string[],
  options: MountOptions,
): Promise<number> {
  const { volumes, signal } = session
  const { force = false } = options
  return await printEvenIfItFails(session, { ...options, path: true }, (mounted) =>
    eachName(session, names, options, async (name) => {
      const mount = await volumes.mount({ name, holder: COMMAND_HOLDER }, { signal, force })
      mount.delivered()
      const view = await volumes.get(name, { signal })
      mounted.push({ ...view, mountpoint: mount.mountpoint })
    }),
  )
}
