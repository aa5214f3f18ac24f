import { Command } from 'commander'
import { withoutPassword } from '../libstorage/without-password.ts'
import type { CommandContext } from './context.ts'
import type { RunWork } from './program.ts'
import { withExamples } from './verb.ts'

/** The command `env`. */
export function envCommand(context: CommandContext, runs: RunWork): Command {
  const command = new Command('env')
    .description('print every setting as the variable that sets it, secrets masked')
    .action(() => runs(printEnvironment(context)))
  return withExamples(command, ['env', 'env | grep PREEMPT'])
}

async function printEnvironment({ host, flags, stdout }: CommandContext): Promise<number> {
  const config = await host.loadConfig(flags())
  const lines = config.variables().map(({ name, value, isSecret }) => {
    const shown = isSecret && value !== '' ? '***' : withoutPassword(value)
    return `${name}=${shown}\n`
  })
  stdout.write(lines.join(''))
  return 0
}
