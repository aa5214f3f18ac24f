import { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import type { OutputOptions } from '../output/forms.ts'
import { addOutputOptions } from '../output/options.ts'
import type { RunWork } from '../program.ts'
import { withExamples } from '../verb.ts'

/** The commands `adapter …`: what REX-Ray calls the services and this machine in their eyes. */
export function adapterCommands(context: CommandContext, runs: RunWork): Command {
  const group = addOutputOptions(
    new Command('adapter').description('list the services, and what this machine is to them'),
    'services',
  )
  const types = new Command('types')
    .aliases(['ls', 'list'])
    .description('list the configured services and their drivers')
    .action((_options, command: Command) =>
      runs(
        import('./services.ts').then((work) =>
          work.listServices(context, command.optsWithGlobals<OutputOptions>()),
        ),
      ),
    )
  const instances = new Command('instances')
    .description('list what the services call this machine')
    .action((_options, command: Command) =>
      runs(
        import('./instances.ts').then((work) =>
          work.listInstances(context, command.optsWithGlobals<OutputOptions>()),
        ),
      ),
    )
  group.addCommand(withExamples(types, ['adapter types']))
  group.addCommand(withExamples(instances, ["adapter instances -f '{{.InstanceID.ID}}'"]))
  return withExamples(group, ['adapter types', 'adapter instances'])
}
