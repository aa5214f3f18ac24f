import { Command, Option } from 'commander'
import type { CommandContext } from '../context.ts'
import type { MakeCommand, RunWork } from '../program.ts'
import { startCommand } from '../start.ts'
import { withExamples } from '../verb.ts'

/** The verbs of a service's life at the top of the command line: what REX-Ray has there. */
export const serviceVerbs: readonly MakeCommand[] = [
  startCommand,
  stopCommand,
  restartCommand,
  statusCommand,
  initsysCommand,
  installCommand,
  uninstallCommand,
]

/** The commands `service …`, of which `start` goes into the background. */
export function serviceCommand(context: CommandContext, runs: RunWork): Command {
  const group = new Command('service').description('start, stop and look at the server')
  const verbs = [
    startInBackgroundCommand,
    stopCommand,
    restartCommand,
    statusCommand,
    initsysCommand,
  ]
  for (const verb of verbs) group.addCommand(verb(context, runs))
  return withExamples(group, ['service start', 'service status'])
}

function startInBackgroundCommand(context: CommandContext, runs: RunWork): Command {
  const command = new Command('start')
    .description(
      'start the server in the background, by systemd where it is installed; return when it listens',
    )
    .addOption(new Option('-f, --foreground', "accepted for REX-Ray's sake").hideHelp())
    .addOption(new Option('--nopid', "accepted for REX-Ray's sake").hideHelp())
    .addOption(new Option('--force', "accepted for REX-Ray's sake").hideHelp())
    .action(() => runs(import('./background.ts').then((work) => work.startInBackground(context))))
  return withExamples(command, ['service start', 'service start --config /etc/rexray/other.yml'])
}

function stopCommand(context: CommandContext, runs: RunWork): Command {
  const command = new Command('stop')
    .description('stop the server and wait until it has ended; mounts stay')
    .action(() => runs(import('./stop.ts').then((work) => work.stop(context))))
  return withExamples(command, ['stop'])
}

function restartCommand(context: CommandContext, runs: RunWork): Command {
  const command = new Command('restart')
    .description(
      'stop the server if it runs, and start it in the background; containers notice nothing',
    )
    .action(() => runs(import('./restart.ts').then((work) => work.restart(context))))
  return withExamples(command, ['restart'])
}

function statusCommand(context: CommandContext, runs: RunWork): Command {
  const command = new Command('status')
    .description('print whether the server runs')
    .action(() => runs(import('./status.ts').then((work) => work.printStatus(context))))
  return withExamples(command, ['status'])
}

function initsysCommand({ stdout }: CommandContext, runs: RunWork): Command {
  const command = new Command('initsys')
    .description('print what starts services on this machine')
    .action(() =>
      runs(
        import('./initsys.ts').then(({ initSystem }) => {
          stdout.write(`${initSystem()}\n`)
          return 0
        }),
      ),
    )
  return withExamples(command, ['initsys'])
}

function rootOption(): Option {
  return new Option(
    '--root <folder>',
    'the file system that is meant, as that of an image',
  ).default('/')
}

function installCommand(context: CommandContext, runs: RunWork): Command {
  const command = new Command('install')
    .description('have systemd start the server, before Docker')
    .addOption(rootOption())
    .action((options: { root: string }) =>
      runs(import('./install.ts').then((work) => work.install(context, options))),
    )
  return withExamples(command, ['install', 'install --root /mnt/image'])
}

function uninstallCommand(context: CommandContext, runs: RunWork): Command {
  const command = new Command('uninstall')
    .description(
      'stop the server, and have systemd start it no more; volumes and configuration stay',
    )
    .addOption(rootOption())
    .addOption(new Option('--package', "accepted for REX-Ray's sake").hideHelp())
    .action((options: { root: string }) =>
      runs(import('./install.ts').then((work) => work.uninstall(context, options))),
    )
  return withExamples(command, ['uninstall'])
}
