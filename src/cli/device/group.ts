import { Command, Option } from 'commander'
import type { CommandContext } from '../context.ts'
import type { OutputOptions } from '../output/forms.ts'
import { addOutputOptions } from '../output/options.ts'
import type { RunWork } from '../program.ts'
import { withExamples } from '../verb.ts'

/** What the commands `device …` are asked for. */
export interface DeviceOptions extends OutputOptions {
  readonly deviceName?: string
  readonly mountPoint?: string
  readonly mountOptions?: string
  readonly fsType?: string
}

type Work = (context: CommandContext, options: DeviceOptions) => Promise<number>

/** The commands `device …`: mounts of this machine, without any volume. */
export function deviceCommands(context: CommandContext, runs: RunWork): Command {
  const group = addOutputOptions(
    new Command('device').description('list, make and undo mounts of this machine by hand'),
    'mounts',
  )
  const does = (command: Command, work: () => Promise<Work>) => {
    command.action(() =>
      runs(work().then((act) => act(context, command.optsWithGlobals<DeviceOptions>()))),
    )
    group.addCommand(command)
  }
  const byHand = () => import('./by-hand.ts')
  does(lsCommand(), async () => (await import('./ls.ts')).listMounts)
  does(mountCommand(), async () => (await byHand()).mountDevice)
  does(unmountCommand(), async () => (await byHand()).unmountDevice)
  does(formatCommand(), async () => (await byHand()).formatDevice)
  return withExamples(group, ['device ls', 'device ls --deviceName /dev/sdf'])
}

function lsCommand(): Command {
  const command = new Command('ls')
    .aliases(['get', 'list'])
    .description('list mounts')
    .option('--deviceName <device>', 'only those of this device')
    .option('--mountPoint <folder>', 'only those at this place')
  return withExamples(command, ['device ls', 'device ls --mountPoint /mnt'])
}

function mountCommand(): Command {
  const command = new Command('mount')
    .description('mount a device that has a file system, and print where')
    .requiredOption('--deviceName <device>', 'the device')
    .requiredOption('--mountPoint <folder>', 'where')
    .option('--mountOptions <options>', 'separated by commas')
    .addOption(new Option('--mountLabel <label>', "accepted for REX-Ray's sake").hideHelp())
  return withExamples(command, ['device mount --deviceName /dev/sdf --mountPoint /mnt'])
}

function unmountCommand(): Command {
  const command = new Command('unmount')
    .description('unmount what is mounted at a place, where it is no volume')
    .requiredOption('--mountPoint <folder>', 'where')
  return withExamples(command, ['device unmount --mountPoint /mnt'])
}

function formatCommand(): Command {
  const command = new Command('format')
    .description('make a file system on a device that is blank, and used by nobody')
    .requiredOption('--deviceName <device>', 'the device')
    .option('--fsType <type>', 'ext4, xfs or btrfs', 'ext4')
    .option('--overwriteFS', "accepted for REX-Ray's sake: nothing is ever overwritten")
  return withExamples(command, ['device format --deviceName /dev/sdf --fsType xfs'])
}
