import { Command } from 'commander'
import {
  type CommandSession,
  type EachNameOptions,
  eachName,
  type RunInSession,
} from './command-session.ts'
import { type PrintOptions, printEvenIfItFails } from './print-volumes.ts'
import { volumeStatus } from './volume-report.ts'

/** What `volume detach` was asked for. */
export interface DetachOptions extends PrintOptions, EachNameOptions {
  /** Accept a volume that is not attached here. */
  readonly idempotent?: boolean
}

/** The command `volume detach`. */
export function detachCommand(run: RunInSession): Command {
  return new Command('detach')
    .aliases(['d'])
    .description('detach volumes that nobody uses from this machine')
    .argument('<volume...>', 'their names')
    .option('-i, --idempotent', 'accept those that are not attached here')
    .option('--continueOnError', 'go on after a volume that fails')
    .action((names: string[], _options, command: Command) =>
      run((session) => detachVolumes(session, names, command.optsWithGlobals())),
    )
}

/** Detaches the volumes and prints them. One that somebody uses is a `FailedPreconditionError` that names who. */
export async function detachVolumes(
  session: CommandSession,
  names: readonly string[],
  options: DetachOptions,
): Promise<number> {
  const { volumes, signal } = session
  const viewpoint = await session.viewpoint()
  return await printEvenIfItFails(session, options, (detached) =>
    eachName(session, names, options, async (name) => {
      const { volume } = await volumes.get(name, { signal })
      const isHere = volumeStatus(volume, viewpoint) === 'attached'
      if (isHere || options.idempotent !== true) await volumes.detach(name, { signal })
      detached.push(await volumes.get(name, { signal }))
    }),
  )
}
