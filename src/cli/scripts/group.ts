import { join } from 'node:path'
import { Command } from 'commander'
import { InvalidArgumentError } from '../../libstorage/errors.ts'
import type { CommandContext } from '../context.ts'
import { SCRIPTS } from '../flexrex/print-scripts.ts'
import {
  FLEXREX,
  installScript,
  type ScriptState,
  scriptAt,
  uninstallScript,
} from '../flexrex/script.ts'
import type { OutputOptions } from '../output/forms.ts'
import { addOutputOptions } from '../output/options.ts'
import { openPrinter, type Printer } from '../output/printer.ts'
import type { RunWork } from '../program.ts'
import { withExamples } from '../verb.ts'

/** The commands `scripts …`: the scripts that come with the program, in a folder of its own. */
export function scriptsCommands(context: CommandContext, runs: RunWork): Command {
  const { host, stdout } = context
  const group = addOutputOptions(
    new Command('scripts').description('list, install and uninstall the scripts that come along'),
    'scripts',
  )
  const pathOf = async (name: string) => join((await host.directories()).lib, 'scripts', name)
  const ls = new Command('ls').alias('list').description('list the scripts')
  ls.action(() =>
    runs(
      printWith(ls, async (print) => {
        stdout.write(print([scriptAt(await pathOf(FLEXREX), host)]))
      }),
    ),
  )
  const install = namesCommand('install', 'i', 'write scripts; files of others stay')
  install.action((names: string[]) =>
    runs(
      printWith(install, async (print) => {
        requireKnown(names)
        stdout.write(print([installScript(await pathOf(FLEXREX), host, false)]))
      }),
    ),
  )
  const uninstall = namesCommand('uninstall', 'u', 'take scripts away; files of others stay')
  uninstall.action((names: string[]) =>
    runs(
      printWith(uninstall, async () => {
        requireKnown(names)
        uninstallScript(await pathOf(FLEXREX), false)
        stdout.write(`${FLEXREX}\n`)
      }),
    ),
  )
  for (const command of [ls, install, uninstall]) group.addCommand(command)
  withExamples(ls, ['scripts ls'])
  return withExamples(group, ['scripts ls', 'scripts install flexrex'])
}

function namesCommand(name: string, alias: string, description: string): Command {
  const command = new Command(name).alias(alias).description(description)
  command.argument('<name...>', 'their names')
  return withExamples(command, [`scripts ${name} ${FLEXREX}`])
}

async function printWith(
  command: Command,
  work: (print: Printer<ScriptState>) => Promise<void>,
): Promise<number> {
  await work(await openPrinter(SCRIPTS, command.optsWithGlobals<OutputOptions>()))
  return 0
}

/** REX-Ray fetched any other from the network. */
function requireKnown(names: readonly string[]): void {
  const unknown = names.find((name) => name !== FLEXREX)
  if (unknown === undefined) return
  throw new InvalidArgumentError({
    subject: `script ${JSON.stringify(unknown)}`,
    problem: 'does not come along, and nothing is fetched from the network',
    remedy: `use ${FLEXREX}`,
  })
}
