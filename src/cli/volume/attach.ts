import { Command } from 'commander'
import {
  type CommandSession,
  type EachNameOptions,
  eachName,
  type RunInSession,
} from './command-session.ts'
import { type PrintOptions, printEvenIfItFails } from './print-volumes.ts'

/** What `volume attach` was asked for. */
export interface AttachOptions extends PrintOptions, EachNameOptions {
  /** Take the volumes from other machines. */
  readonly force?: boolean
}

/** The command `volume attach`. */
export function attachCommand(run: RunInSession): Command {
  return new Command('attach')
    .aliases(['a'])
    .description('attach volumes to this machine, without mounting them')
    .argument('<volume...>', 'their names')
    .option('--force', 'take them from another machine, as with mount.preempt true')
    .option('-i, --idempotent', 'accept those that are attached already, which is always so')
    .option('--continueOnError', 'go on after a volume that fails')
    .action((names: string[], _options, command: Command) =>
      run((session) => attachVolumes(session, names, command.optsWithGlobals())),
    )
}

/** Attaches the volumes and prints them. */
export async function attachVolumes(
  session: CommandSession,
  names: readonly string[],
  options: AttachOptions,
): Promise<number> {
  const { volumes, signal } = session
  const { force = false } = options
  return await printEvenIfItFails(session, options, (attached) =>
    eachName(session, names, options, async (name) => {
      await volumes.attach(name, { signal, force })
      attached.push(await volumes.get(name, { signal }))
    }),
  )
}
