import { Command, CommanderError } from 'commander'
import type { Flags } from '../config/load.ts'
import { adapterCommands } from './adapter/group.ts'
import { completionCommand } from './completion/command.ts'
import { COMPLETE } from './completion/scripts.ts'
import { configCommand } from './config/config.ts'
import { type CommandContext, reportError, type Surroundings } from './context.ts'
import { deviceCommands } from './device/group.ts'
import { doctorCommand } from './doctor/doctor.ts'
import { envCommand } from './env.ts'
import { eventsCommand } from './events/command.ts'
import { exitStatusOf } from './exit-status.ts'
import { flexrexCommands } from './flexrex/group.ts'
import { isOldFlag, modernArguments } from './old-flags.ts'
import { longFlags, splitPropertyFlags } from './property-flags.ts'
import { scriptsCommands } from './scripts/group.ts'
import { serviceCommand, serviceVerbs } from './service/group.ts'
import { snapshotCommands } from './snapshot/group.ts'
import { tokenCommands } from './token/group.ts'
import { goneCommand, settingsHelp, wantsAll } from './usage.ts'
import { withExamples } from './verb.ts'
import { versionText } from './version.ts'
import { volumeCommands } from './volume/group.ts'

const HELP_WIDTH = 100

/** What runs a command's work and keeps its exit status. */
export type RunWork = (work: Promise<number>) => Promise<void>

/** Makes a command, or a group of them. */
export type MakeCommand = (context: CommandContext, runs: RunWork) => Command

const COMMANDS: readonly MakeCommand[] = [
  volumeCommands,
  snapshotCommands,
  ...serviceVerbs,
  serviceCommand,
  adapterCommands,
  deviceCommands,
  eventsCommand,
  envCommand,
  configCommand,
  doctorCommand,
  tokenCommands,
  scriptsCommands,
  flexrexCommands,
  completionCommand,
  versionCommand,
]

/** Runs one command line (without the program's own name) and resolves with its exit status. Never rejects. */
export async function runProgram(
  args: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  let status = 0
  const said: string[] = []
  let properties: Flags['properties'] = {}
  const program = new Command(surroundings.programName)
  const context: CommandContext = {
    ...surroundings,
    program,
    flags: () => ({ ...globalFlags(program), ...(properties && { properties }) }),
  }
  const runs = async (work: Promise<number>) => {
    status = await work
  }
  configure(program, surroundings, said)
  for (const make of COMMANDS) program.addCommand(make(context, runs))
  inheritSettings(program)
  try {
    if (args[0] === COMPLETE) {
      const { completionLines } = await import('./completion/candidates.ts')
      surroundings.stdout.write(await completionLines(context, program, args.slice(1)))
      return 0
    }
    if (wantsAll(args))
      program.addHelpText('afterAll', settingsHelp(await surroundings.settingFlags()))
    const split = await splitPropertyFlags(helpArguments(args, program), {
      isKnown: knows(program),
      readSwitches: surroundings.readSwitches,
    })
    properties = split.properties
    const modern = modernArguments(split.rest, program)
    if (modern.outdated.length > 0) warnOfOld(modern, surroundings)
    await program.parseAsync(modern.args, { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return usageStatus(error, said, surroundings)
    reportError(surroundings, error)
    return exitStatusOf(error)
  }
}

/** `help volume create` is `volume create --help`. What is no command is left to be refused, and nothing else is ever run. */
function helpArguments(args: readonly string[], program: Command): readonly string[] {
  const [first, ...words] = args
  if (first !== 'help' || words.length === 0) return args
  const taken: string[] = []
  let command = program
  for (const word of words) {
    if (command.commands.length === 0 || word.startsWith('-')) break
    taken.push(word)
    const child = command.commands.find((one) => [one.name(), ...one.aliases()].includes(word))
    if (child === undefined) return taken
    command = child
  }
  return [...taken, '--help']
}

function knows(program: Command): (flag: string) => boolean {
  const known = new Set([...longFlags(program)].map((flag) => flag.toLowerCase()))
  return (flag) => known.has(flag.toLowerCase()) || isOldFlag(flag)
}

function warnOfOld(
  { args, outdated }: ReturnType<typeof modernArguments>,
  { programName, stderr }: Surroundings,
): void {
  const today = args.filter((arg) => arg !== '--pathOnly').join(' ')
  const old = [...new Set(outdated)].join(', ')
  stderr.write(`${programName}: ${old} as in REX-Ray 0.3 is now: ${programName} ${today}\n`)
}

function configure(program: Command, { scriptPath, stdout }: Surroundings, said: string[]): void {
  program
    .description('persistent volumes that follow containers')
    .option('-c, --config <file>', 'read this configuration file and no other')
    .option('-h, --host <address>', "accepted for REX-Ray's sake, without effect")
    .option('-s, --service <name>', 'the service that is meant')
    .option('-l, --logLevel <level>', 'how much is logged: error, warn, info or debug')
    .option('-v, --verbose', 'with help: the flags that set the configuration, too')
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
  withExamples(program, [
    'start',
    'volume create data --size 20',
    'volume ls --path',
    'help volume create',
  ])
}

/** A command that is named without what it is to do prints its help, which is an answer; anything else is an error. */
function usageStatus(
  error: CommanderError,
  said: readonly string[],
  { programName, stdout, stderr }: Surroundings,
): number {
  const isAnswer = error.exitCode === 0 || error.code === 'commander.help'
  const gone = goneCommand(error)
  const texts = gone === undefined ? said : [`${programName}: ${gone}`]
  for (const text of texts) (isAnswer ? stdout : stderr).write(text)
  return isAnswer ? 0 : exitStatusOf(error)
}

function versionCommand({ scriptPath, stdout }: CommandContext): Command {
  const command = new Command('version').description('print the version').action(() => {
    stdout.write(versionText(scriptPath))
  })
  return withExamples(command, ['version'])
}

function inheritSettings(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent)
    inheritSettings(command)
  }
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
