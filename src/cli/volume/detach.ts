import type { Command } from 'commander'
import type { CommandSession, RunInSession } from '../session.ts'
import { eachCommand } from '../verb.ts'
import { instanceOption, requireThisInstance } from './instance-option.ts'
import { eachVolume } from './matching.ts'
import { type PrintOptions, printEvenIfItFails } from './print-volumes.ts'
import { volumeStatus } from './volume-report.ts'

/** What `volume detach` was asked for. */
export interface DetachOptions extends PrintOptions {
  /** Accept a volume that is not attached here. */
  readonly idempotent?: boolean
  readonly instanceID?: string
  readonly continueOnError?: boolean
}

/** The command `volume detach`. */
export function detachCommand(run: RunInSession): Command {
  return eachCommand(
    run,
    {
      name: 'detach',
      aliases: ['d'],
      description: 'detach volumes that nobody uses from this machine',
      argument: ['<volume...>', 'their names or ids, or the beginning of an id'],
      examples: ['volume detach data', 'volume detach -i data logs'],
    },
    detachVolumes,
  )
    .option('--force', "accepted for REX-Ray's sake: a volume that is in use stays all the same")
    .option('-i, --idempotent', 'accept those that are not attached here')
    .addOption(instanceOption())
}

/** Detaches the volumes and prints them. One that somebody uses is a `FailedPreconditionError` that names who. */
export async function detachVolumes(
  session: CommandSession,
  names: readonly string[],
  options: DetachOptions,
): Promise<number> {
  const { volumes, signal } = session
  const { continueOnError } = options
  await requireThisInstance(session, options)
  const viewpoint = await session.viewpoint()
  return await printEvenIfItFails(session, options, (detached) =>
    eachVolume(
      session,
      { names, doing: 'detaching', byStartOfId: true, continueOnError },
      async (name) => {
        const { volume } = await volumes.get(name, { signal })
        const isHere = volumeStatus(volume, viewpoint) === 'attached'
        if (isHere || options.idempotent !== true) await volumes.detach(name, { signal })
        detached.push(await volumes.get(name, { signal }))
      },
    ),
  )
}
