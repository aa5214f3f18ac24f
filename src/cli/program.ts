import { Command, CommanderError, Option } from 'commander'
import type { Flags } from '../config/load.ts'
import { configCommand } from './config/config.ts'
import { type CommandContext, reportError, type Surroundings } from './context.ts'
import { exitStatusOf } from './exit-status.ts'
import { longFlags, splitPropertyFlags } from './property-flags.ts'
import { snapshotCreateCommand } from './snapshot/create.ts'
import { snapshotLsCommand } from './snapshot/ls.ts'
import { snapshotRmCommand } from './snapshot/rm.ts'
import { startCommand } from './start.ts'
import { versionText } from './version.ts'
import { attachCommand } from './volume/attach.ts'
import { inCommandSession, type RunInSession } from './volume/command-session.ts'
import { createCommand } from './volume/create.ts'
import { detachCommand } from './volume/detach.ts'
import { lsCommand } from './volume/ls.ts'
import { mountCommand } from './volume/mount.ts'
import { pathCommand } from './volume/path.ts'
import { FORMATS } from './volume/print-volumes.ts'
import { resizeCommand } from './volume/resize.ts'
import { rmCommand } from './volume/rm.ts'
import { unmountCommand } from './volume/unmount.ts'

const HELP_WIDTH = 100
const VOLUME_VERBS = [
  lsCommand,
  createCommand,
  resizeCommand,
  rmCommand,
  attachCommand,
  detachCommand,
  mountCommand,
  unmountCommand,
  pathCommand,
]
const SNAPSHOT_VERBS = [snapshotLsCommand, snapshotCreateCommand, snapshotRmCommand]

/** Runs one command line (without the program's own name) and resolves with its exit status. Never rejects. */
export async function runProgram(
  args: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  let status = 0
  const said: string[] = []
  const program = new Command(surroundings.programName)
  const context: CommandContext = {
    ...surroundings,
    flags: () => ({ ...globalFlags(program), properties }),
  }
  const runs = async (work: Promise<number>) => {
    status = await work
  }
  configure(program, surroundings, said)
  program.addCommand(inherit(program, startCommand(context, runs)))
  program.addCommand(
    groupCommand(program, context, runs, {
      name: 'volume',
      description: 'list, create, resize, remove, attach, detach, mount and unmount volumes',
      verbs: VOLUME_VERBS,
    }),
  )
  program.addCommand(
    groupCommand(program, context, runs, {
      name: 'snapshot',
      description: 'list, take and remove snapshots of volumes',
      verbs: SNAPSHOT_VERBS,
    }),
  )
  program.addCommand(configCommand(context, runs, (command) => inherit(program, command)))
  program.addCommand(versionCommand(program, context))
  const { rest, properties } = splitPropertyFlags(args, (flag) => longFlags(program).has(flag))
  try {
    await program.parseAsync(rest, { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return usageStatus(error, said, surroundings)
    reportError(surroundings, error)
    return exitStatusOf(error)
  }
}

/** What runs a command's work and keeps its exit status. */
export type RunWork = (work: Promise<number>) => Promise<void>

function configure(program: Command, { scriptPath, stdout }: Surroundings, said: string[]): void {
  program
    .description('persistent volumes that follow containers')
    .option('-c, --config <file>', 'read this configuration file and no other')
    .option('-h, --host <address>', "accepted for REX-Ray's sake, without effect")
    .option('-s, --service <name>', 'the service that is meant')
    .option('-l, --logLevel <level>', 'how much is logged: error, warn, info or debug')
    .option('-v, --verbose', "accepted for REX-Ray's sake, without effect")
    .version(versionText(scriptPath).trimEnd(), '--version', 'print the version')
    .helpOption('-?, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showHelpAfterError('(--help tells more)')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => said.push(text),
      outputError: (text, write) => write(text.replace(/^error: /, `${program.name()}: `)),
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
    })
}

/** A command that is named without what it is to do prints its help, which is an answer; anything else is an error. */
function usageStatus(
  error: CommanderError,
  said: readonly string[],
  { stdout, stderr }: Surroundings,
): number {
  const isAnswer = error.exitCode === 0 || error.code === 'commander.help'
  for (const text of said) (isAnswer ? stdout : stderr).write(text)
  return isAnswer ? 0 : exitStatusOf(error)
}

interface CommandGroup {
  readonly name: string
  readonly description: string
  readonly verbs: readonly ((run: RunInSession) => Command)[]
}

function groupCommand(
  program: Command,
  context: CommandContext,
  runs: RunWork,
  { name, description, verbs }: CommandGroup,
): Command {
  const group = new Command(name)
    .description(description)
    .addOption(
      new Option('-f, --format <format>', `how ${name}s are printed`)
        .choices(FORMATS)
        .default('table'),
    )
    .option('-q, --quiet', 'print no headings')
  for (const verb of verbs) {
    const command = verb((work) => runs(inCommandSession(context, work)))
    group.addCommand(inherit(program, command))
  }
  return inherit(program, group)
}

function versionCommand(program: Command, { scriptPath, stdout }: CommandContext): Command {
  const command = new Command('version').description('print the version').action(() => {
    stdout.write(versionText(scriptPath))
  })
  return inherit(program, command)
}

function inherit(program: Command, command: Command): Command {
  return command.copyInheritedSettings(program)
}

function globalFlags(program: Command): Flags {
  const { config, host, service, logLevel } = program.opts<Record<string, string | undefined>>()
  return {
    ...(config !== undefined && { configFile: config }),
    ...(host !== undefined && { host }),
    ...(service !== undefined && { service }),
    ...(logLevel !== undefined && { logLevel }),
  }
}
