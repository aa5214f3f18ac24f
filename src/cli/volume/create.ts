import { type Command, Option } from 'commander'
import { COMMAND_HOLDER } from '../../mount/references.ts'
import { type CommandSession, eachName, type RunInSession } from '../session.ts'
import { eachCommand } from '../verb.ts'
import { type PrintOptions, printEvenIfItFails } from './print-volumes.ts'

/** What `volume create` was asked for. */
export interface CreateOptions extends PrintOptions {
  readonly size?: string
  readonly volumeType?: string
  readonly iops?: string
  readonly availabilityZone?: string
  readonly encrypted?: boolean
  readonly encryptionKey?: string
  readonly snapshotID?: string
  readonly snapshotName?: string
  readonly volumeID?: string
  readonly volumeName?: string
  readonly fsType?: string
  readonly overwriteFS?: boolean
  /** Further options, each `key=value`, as Docker's `-o`. */
  readonly opt?: readonly string[]
  readonly attach?: boolean
  readonly mount?: boolean
  /** REX-Ray's name for `mount`. */
  readonly amount?: boolean
  readonly continueOnError?: boolean
}

/** The command `volume create`. */
export function createCommand(run: RunInSession): Command {
  return eachCommand(
    run,
    {
      name: 'create',
      aliases: ['c', 'n', 'new'],
      description: 'create volumes',
      argument: ['<volume...>', 'their names'],
      examples: [
        'volume create data --size 20 --fsType xfs',
        'volume create data -o size=20 -o uid=999',
        'volume create copy --volumeName data',
        'volume create data --mount   # and mount it at once',
      ],
    },
    createVolumes,
  )
    .option('--size <GiB>', 'how large')
    .option('--volumeType <type>', 'which of the kinds that the platform has')
    .option('--iops <number>', 'how many operations per second')
    .option('--availabilityZone <zone>', 'where')
    .option('--encrypted', 'encrypted at rest')
    .option('--encryptionKey <key>', 'by this key')
    .option('--snapshotID <id>', 'from this snapshot')
    .option('--snapshotName <name>', 'from the snapshot of this name')
    .option('--volumeID <id>', 'as a copy of this volume')
    .option('--volumeName <name>', 'as a copy of the volume of this name')
    .option('--fsType <type>', 'with this file system')
    .option('--overwriteFS', 'format the new volume whatever lies on it')
    .option('-o, --opt <key=value>', "any option of docker volume create's -o", collect)
    .option('--attach', 'and attach them to this machine')
    .option('--mount', 'and mount them on this machine')
    .addOption(new Option('--amount', "REX-Ray's name for --mount").hideHelp())
    .addOption(new Option('--force', "accepted for REX-Ray's sake").hideHelp())
}

/** Creates the volumes and prints those that it created. An existing name is an `AlreadyExistsError`. */
export async function createVolumes(
  session: CommandSession,
  names: readonly string[],
  options: CreateOptions,
): Promise<number> {
  const { volumes, signal } = session
  const volumeOptions = volumeOptionsOf(options)
  const { continueOnError } = options
  const mounts = options.mount === true || options.amount === true
  return await printEvenIfItFails(session, { ...options, path: mounts }, (created) =>
    eachName(session, { names, doing: 'creating', continueOnError }, async (name) => {
      const made = await volumes.createNew(name, volumeOptions, { signal })
      const at = created.push(made) - 1
      if (mounts) (await volumes.mount({ name, holder: COMMAND_HOLDER }, { signal })).delivered()
      else if (options.attach === true) await volumes.attach(name, { signal })
      else return
      created[at] = await volumes.get(name, { signal })
    }),
  )
}

/** Gathers what a flag was given each time. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}

function volumeOptionsOf(options: CreateOptions): Readonly<Record<string, string>> {
  const flags = {
    size: options.size,
    volumetype: options.volumeType,
    iops: options.iops,
    availabilityzone: options.availabilityZone,
    encrypted: options.encrypted,
    encryptionkey: options.encryptionKey,
    snapshotid: options.snapshotID,
    snapshotname: options.snapshotName,
    volumeid: options.volumeID,
    volumename: options.volumeName,
    fstype: options.fsType,
    overwritefs: options.overwriteFS,
  }
  const given = Object.entries(flags).filter(([, value]) => value !== undefined)
  const flagged = Object.fromEntries(given.map(([key, value]) => [key, String(value)]))
  return { ...flagged, ...optionsOf(options.opt ?? []) }
}

/** Options as `key=value`, by their keys. */
export function optionsOf(given: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    given.map((option) => {
      const [key = '', ...value] = option.split('=')
      return [key, value.join('=')]
    }),
  )
}
