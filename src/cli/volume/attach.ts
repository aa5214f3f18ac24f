import type { Command } from 'commander'
import type { CommandSession, RunInSession } from '../session.ts'
import { eachCommand } from '../verb.ts'
import { instanceOption, requireThisInstance } from './instance-option.ts'
import { eachVolume } from './matching.ts'
import { type PrintOptions, printEvenIfItFails } from './print-volumes.ts'

/** What `volume attach` was asked for. */
export interface AttachOptions extends PrintOptions {
  /** Take the volumes from other machines. */
  readonly force?: boolean
  readonly instanceID?: string
  readonly continueOnError?: boolean
}

/** The command `volume attach`. */
export function attachCommand(run: RunInSession): Command {
  return eachCommand(
    run,
    {
      name: 'attach',
      aliases: ['a'],
      description: 'attach volumes to this machine, without mounting them',
      argument: ['<volume...>', 'their names or ids, or the beginning of an id'],
      examples: [
        'volume attach data',
        'volume attach --force data   # take it from the machine that has it',
      ],
    },
    attachVolumes,
  )
    .option('--force', 'take them from another machine, as with mount.preempt true')
    .option('-i, --idempotent', 'accept those that are attached already, which is always so')
    .addOption(instanceOption())
}

/** Attaches the volumes and prints them. */
export async function attachVolumes(
  session: CommandSession,
  names: readonly string[],
  options: AttachOptions,
): Promise<number> {
  const { volumes, signal } = session
  const { force = false, continueOnError } = options
  await requireThisInstance(session, options)
  return await printEvenIfItFails(session, options, (attached) =>
    eachVolume(
      session,
      { names, doing: 'attaching', byStartOfId: true, continueOnError },
      async (name) => {
        await volumes.attach(name, { signal, force })
        attached.push(await volumes.get(name, { signal }))
      },
    ),
  )
}
