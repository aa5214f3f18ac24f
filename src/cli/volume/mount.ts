import { type Command, Option } from 'commander'
import type { VolumeView } from '../../mount/integration-driver.ts'
import { COMMAND_HOLDER } from '../../mount/references.ts'
import type { CommandSession, RunInSession } from '../session.ts'
import { eachCommand } from '../verb.ts'
import { eachVolume } from './matching.ts'
import { type PrintOptions, printEvenIfItFails } from './print-volumes.ts'

/** What `volume mount` was asked for. */
export interface MountOptions extends PrintOptions {
  /** Take the volumes from other machines. */
  readonly force?: boolean
  /** Print the directories and nothing else. */
  readonly pathOnly?: boolean
  readonly continueOnError?: boolean
}

/** The command `volume mount`. */
export function mountCommand(run: RunInSession): Command {
  return eachCommand(
    run,
    {
      name: 'mount',
      aliases: ['m'],
      description: 'mount volumes on this machine until they are unmounted',
      argument: ['<volume...>', 'their names or ids, or the beginning of an id'],
      examples: ['volume mount data', "volume mount -f '{{.Path}}' data"],
    },
    mountVolumes,
  )
    .option('--force', 'take them from another machine, as with mount.preempt true')
    .option(
      '--fsType <type>',
      "accepted for REX-Ray's sake: what is on a volume is mounted as what it is",
    )
    .option('--overwriteFS', "accepted for REX-Ray's sake: nothing is ever overwritten")
    .option('-i, --idempotent', 'accept those that are mounted already, which is always so')
    .addOption(new Option('--pathOnly', 'print the directories and nothing else').hideHelp())
}

/** Mounts the volumes and prints them with the directory that containers get. */
export async function mountVolumes(
  session: CommandSession,
  names: readonly string[],
  options: MountOptions,
): Promise<number> {
  const { volumes, signal, stdout } = session
  const { force = false, pathOnly = false, continueOnError } = options
  const mountEach = (mounted: VolumeView[]) =>
    eachVolume(
      session,
      { names, doing: 'mounting', byStartOfId: true, continueOnError },
      async (name) => {
        const mount = await volumes.mount({ name, holder: COMMAND_HOLDER }, { signal, force })
        mount.delivered()
        if (pathOnly) stdout.write(`${mount.mountpoint}\n`)
        const view = await volumes.get(name, { signal })
        mounted.push({ ...view, mountpoint: mount.mountpoint })
      },
    )
  if (pathOnly) return await mountEach([])
  return await printEvenIfItFails(session, { ...options, path: true }, mountEach)
}
