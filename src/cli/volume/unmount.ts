import { Command } from 'commander'
import { FailedPreconditionError, volumeNamed } from '../../libstorage/errors.ts'
import type { VolumeView } from '../../mount/integration-driver.ts'
import { COMMAND_HOLDER } from '../../mount/references.ts'
import {
  type CommandSession,
  type EachNameOptions,
  eachName,
  type RunInSession,
} from './command-session.ts'
import { type PrintOptions, printEvenIfItFails } from './print-volumes.ts'

/** What `volume unmount` was asked for. */
export interface UnmountOptions extends PrintOptions, EachNameOptions {
  /** Accept a volume that is not mounted. */
  readonly idempotent?: boolean
}

/** The command `volume unmount`. */
export function unmountCommand(run: RunInSession): Command {
  return new Command('unmount')
    .aliases(['u', 'umount'])
    .description('unmount volumes that no container uses, and detach them')
    .argument('<volume...>', 'their names')
    .option('-i, --idempotent', 'accept those that are not mounted')
    .option('--continueOnError', 'go on after a volume that fails')
    .action((names: string[], _options, command: Command) =>
      run((session) => unmountVolumes(session, names, command.optsWithGlobals())),
    )
}

/** Unmounts the volumes and prints them. One that others hold, too, is a `FailedPreconditionError` that names them. */
export async function unmountVolumes(
  session: CommandSession,
  names: readonly string[],
  options: UnmountOptions,
): Promise<number> {
  const { volumes, signal } = session
  return await printEvenIfItFails(session, options, (unmounted) =>
    eachName(session, names, options, async (name) => {
      const before = await volumes.get(name, { signal })
      await volumes.unmount({ name, holder: COMMAND_HOLDER }, { signal })
      const after = await volumes.get(name, { signal })
      if (!options.idempotent && !wasTakenOff(before, after)) throw notMounted(name)
      unmounted.push(after)
    }),
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
export function notMounted(name: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: 'is not mounted here',
    remedy: 'mount it first',
  })
}
