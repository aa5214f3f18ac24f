import { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import type { OutputOptions } from '../output/forms.ts'
import { addOutputOptions } from '../output/options.ts'
import type { RunWork } from '../program.ts'
import { withExamples } from '../verb.ts'

/** What `token new` was asked for. */
export interface NewTokenOptions {
  readonly key?: string
  readonly alg?: string
  readonly exp?: string
}

/** What `token decode` was asked for. */
export interface DecodeTokenOptions extends OutputOptions {
  readonly key?: string
  readonly verify?: boolean
}

/** The commands `token …`. */
export function tokenCommands(context: CommandContext, runs: RunWork): Command {
  const group = new Command('token').description(
    "make and read JSON web tokens for libStorage's API",
  )
  const make = new Command('new')
    .aliases(['create', 'c', 'n'])
    .description('print a token for each subject')
    .argument('<subject...>', 'whom they are for')
    .option('--key <key>', 'what signs them, or a file with it; else rexray.token.key')
    .option(
      '--alg <algorithm>',
      'how: HS, RS, PS or ES with 256, 384 or 512; HS256 if nothing is said',
    )
    .option('--exp <duration>', 'how long they hold; 8760h if nothing is said')
    .action((subjects: string[], options: NewTokenOptions) =>
      runs(import('./new.ts').then((work) => work.printNewTokens(context, subjects, options))),
    )
  const decode = addOutputOptions(
    new Command('decode')
      .aliases(['dec', 'd'])
      .description('print what a token says, which only --verify proves')
      .argument('[token]', 'the token; standard input if nothing is said')
      .option('--key <key>', 'what signed it, or a file with that; else rexray.token.key')
      .option('--verify', 'refuse one that this key did not sign, or that has expired'),
    'tokens',
  ).action((token: string | undefined, options: DecodeTokenOptions) =>
    runs(import('./decode.ts').then((work) => work.printToken(context, token, options))),
  )
  group.addCommand(withExamples(make, ['token new alice --key /etc/rexray/token.key --exp 24h']))
  group.addCommand(withExamples(decode, ['token decode --verify --key secret < alice.token']))
  return withExamples(group, ['token new alice --key secret'])
}
