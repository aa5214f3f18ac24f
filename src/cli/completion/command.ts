import { Argument, Command } from 'commander'
import type { CommandContext } from '../context.ts'
import { withExamples } from '../verb.ts'
import { completionScript, SHELLS, type Shell } from './scripts.ts'

/** The command `completion`. */
export function completionCommand({ programName, stdout }: CommandContext): Command {
  const command = new Command('completion')
    .description('print what makes a shell complete commands, flags and names of volumes')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .action((shell: Shell) => {
      stdout.write(completionScript(shell, programName))
    })
  return withExamples(command, [
    'completion bash > /etc/bash_completion.d/remora',
    'completion zsh > /usr/local/share/zsh/site-functions/_remora',
    'completion fish > ~/.config/fish/completions/remora.fish',
  ])
}
