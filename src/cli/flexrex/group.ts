import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { CommandContext } from '../context.ts'
import type { OutputOptions } from '../output/forms.ts'
import { addOutputOptions } from '../output/options.ts'
import { openPrinter } from '../output/printer.ts'
import type { RunWork } from '../program.ts'
import { withExamples } from '../verb.ts'
import { SCRIPTS } from './print-scripts.ts'
import {
  installScript,
  kubeletsPath,
  type ScriptState,
  scriptAt,
  uninstallScript,
} from './script.ts'

interface FlexrexOptions extends OutputOptions {
  readonly path?: string
  readonly force?: boolean
}

/** The commands `flexrex …`: volumes for the pods of Kubernetes, by a FlexVolume driver that asks the server. */
export function flexrexCommands(context: CommandContext, runs: RunWork): Command {
  const { host, stdout } = context
  const group = addOutputOptions(
    new Command('flexrex').description('install the FlexVolume driver by which pods get volumes'),
    'scripts',
  )
  const does = (command: Command, work: (path: string, options: FlexrexOptions) => Promise<void>) =>
    group.addCommand(
      command.addOption(pathOption()).action(() => {
        const options = command.optsWithGlobals<FlexrexOptions>()
        const path = options.path === undefined ? kubeletsPath(host) : resolve(options.path)
        return runs(work(path, options).then(() => 0))
      }),
    )
  const print = async (state: ScriptState, options: OutputOptions) => {
    stdout.write((await openPrinter(SCRIPTS, options))([state]))
  }
  does(installCommand(), async (path, options) =>
    print(installScript(path, host, options.force === true), options),
  )
  does(uninstallCommand(), async (path, options) => {
    uninstallScript(path, options.force === true)
    stdout.write(`${path}\n`)
  })
  does(statusCommand(), async (path, options) => print(scriptAt(path, host), options))
  group.addCommand(callCommand(context, runs), { hidden: true })
  return withExamples(group, ['flexrex install', 'flexrex status'])
}

function pathOption(): Option {
  return new Option('--path <file>', 'where it is; by default where kubelet looks for it')
}

function installCommand(): Command {
  const command = new Command('install')
    .description('write the driver; a file of others stays')
    .option('--force', 'replace whatever is there')
  return withExamples(command, ['flexrex install', 'flexrex install --path /opt/flex/flexrex'])
}

function uninstallCommand(): Command {
  const command = new Command('uninstall')
    .description('take the driver away; a file of others stays')
    .option('--force', 'remove whatever is there')
  return withExamples(command, ['flexrex uninstall'])
}

function statusCommand(): Command {
  const command = new Command('status').description('print whether the driver is there')
  return withExamples(command, ['flexrex status', 'flexrex status -f json'])
}

function callCommand(context: CommandContext, runs: RunWork): Command {
  return new Command('call')
    .description("answer a call of kubelet's")
    .argument('[word...]', 'its words')
    .action((words: string[]) =>
      runs(import('./driver.ts').then(({ answerCall }) => answerCall(context, words))),
    )
}
