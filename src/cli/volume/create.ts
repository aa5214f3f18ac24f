import { Command } from 'commander'
import { type CommandSession, eachName, type RunInSession } from './command-session.ts'
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
  readonly continueOnError?: boolean
}

/** The command `volume create`. */
export function createCommand(run: RunInSession): Command {
  return new Command('create')
    .aliases(['c', 'n', 'new'])
    .description('create volumes')
    .argument('<volume...>', 'their names')
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
    .option('--continueOnError', 'go on after a volume that fails')
    .action((names: string[], _options, command: Command) =>
      run((session) => createVolumes(session, names, command.optsWithGlobals())),
    )
}

/** Creates the volumes and prints those that it created. An existing name is an `AlreadyExistsError`. */
export async function createVolumes(
  session: CommandSession,
  names: readonly string[],
  options: CreateOptions,
): Promise<number> {
  const { volumes, signal } = session
  const volumeOptions = volumeOptionsOf(options)
  return await printEvenIfItFails(session, options, (created) =>
    eachName(session, names, options, async (name) => {
      created.push(await volumes.createNew(name, volumeOptions, { signal }))
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
