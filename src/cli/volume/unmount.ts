import type { Command } from 'commander'
import { FailedPreconditionError, volumeNamed } from '../../libstorage/errors.ts'
import type { VolumeView } from '../../mount/integration-driver.ts'
import { COMMAND_HOLDER } from '../../mount/references.ts'
import type { CommandSession, RunInSession } from '../session.ts'
import { eachCommand } from '../verb.ts'
import { eachVolume } from './matching.ts'
import { type PrintOptions, printEvenIfItFails } from './print-volumes.ts'

/** What `volume unmount` was asked for. */
export interface UnmountOptions extends PrintOptions {
  /** Accept a volume that is not mounted. */
  readonly idempotent?: boolean
  readonly continueOnError?: boolean
}

/** The command `volume unmount`. */
export function unmountCommand(run: RunInSession): Command {
  return eachCommand(
    run,
    {
      name: 'unmount',
      aliases: ['u', 'umount'],
      description: 'unmount volumes that no container uses, and detach them',
      argument: ['<volume...>', 'their names or ids, or the beginning of an id'],
      examples: ['volume unmount data', 'volume unmount -i data logs'],
    },
    unmountVolumes,
  ).option('-i, --idempotent', 'accept those that are not mounted')
}

/** Unmounts the volumes and prints them. One that others hold, too, is a `FailedPreconditionError` that names them. */
export async function unmountVolumes(
  session: CommandSession,
  names: readonly string[],
  options: UnmountOptions,
): Promise<number> {
  const { volumes, signal } = session
  const { continueOnError } = options
  return await printEvenIfItFails(session, options, (unmounted) =>
    eachVolume(
      session,
      { names, doing: 'unmounting', byStartOfId: true, continueOnError },
      async (name) => {
        const before = await volumes.get(name, { signal })
        await volumes.unmount({ name, holder: COMMAND_HOLDER }, { signal })
        const after = await volumes.get(name, { signal })
        if (!options.idempotent && !wasTakenOff(before, after))
          throw notMounted(name, 'accept that by -i')
        unmounted.push(after)
      },
    ),
  )
}

/** Also one that was only lingering: unmounted already, and attached still. */
function wasTakenOff(before: VolumeView, after: VolumeView): boolean {
  return (
    before.mountpoint !== undefined ||
    after.volume.attachments.length < before.volume.attachments.length
  )
}

/** The error of a command that needs the volume to be mounted here. */
export function notMounted(name: string, remedy: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: 'is not mounted here',
    remedy,
  })
}
