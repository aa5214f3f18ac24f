import { type Command, InvalidArgumentError, Option } from 'commander'
import { nearest } from '../../libstorage/nearest.ts'
import { FORMATS, formatNamed } from './forms.ts'

/** Gives a command the flags that say how it prints. */
export function addOutputOptions(command: Command, what: string): Command {
  return command
    .addOption(
      new Option(
        '-f, --format <format>',
        `how ${what} are printed: table, json, jsonp, yaml, or a template for each`,
      )
        .default('table')
        .argParser(readFormat),
    )
    .option('--template <text>', `a template for all ${what}, which are its .D`)
    .addOption(
      new Option('--templateTabs [switch]', 'whether tabs of a template are columns')
        .default('true')
        .choices(['true', 'false']),
    )
    .option('-q, --quiet', 'print no headings')
}

function readFormat(text: string): string {
  const format = formatNamed(text)
  if (format !== undefined) return format
  const near = nearest(text, FORMATS)
  const hint = near === undefined ? '' : ` Did you mean ${near}?`
  throw new InvalidArgumentError(
    `It is one of ${FORMATS.join(', ')}, or a template such as '{{.Name}}'.${hint}`,
  )
}
