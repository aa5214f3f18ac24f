import { type Command, InvalidArgumentError, Option } from 'commander'
import { nearest } from '../../libstorage/nearest.ts'

/** In which form things are printed; `tmpl` is REX-Ray's name for what `--template` says, or else the table. */
export const FORMATS = ['table', 'json', 'jsonp', 'yaml', 'tmpl']
/** What 0.3 called it. */
const ALIASES: Readonly<Record<string, string>> = { yml: 'yaml' }

/** How things are printed, as the flags say. */
export interface OutputOptions {
  /** One of the forms, or a template for each row. */
  readonly format: string
  /** For all rows at once, which it finds in `.D`. */
  readonly template?: string
  /** Whether tabs in what a template makes are columns. */
  readonly templateTabs?: boolean
  /** Without the line of headings. */
  readonly quiet?: boolean
}

/** A template that was asked for. */
export interface WantedTemplate {
  readonly text: string
  /** Whether it is for each row, or for all of them in `.D`. */
  readonly isForEach: boolean
  readonly alignsTabs: boolean
}

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

/** The template that is asked for, if one is. */
export function templateOf({
  format,
  template,
  ...rest
}: OutputOptions): WantedTemplate | undefined {
  const alignsTabs = String(rest.templateTabs) !== 'false'
  if (template !== undefined && (format === 'tmpl' || format === 'table')) {
    return { text: template, isForEach: false, alignsTabs }
  }
  return isTemplate(format) ? { text: format, isForEach: true, alignsTabs } : undefined
}

function readFormat(text: string): string {
  const format = text.toLowerCase()
  const known = ALIASES[format] ?? format
  if (FORMATS.includes(known)) return known
  if (isTemplate(text)) return text
  const near = nearest(text, FORMATS)
  const hint = near === undefined ? '' : ` Did you mean ${near}?`
  throw new InvalidArgumentError(
    `It is one of ${FORMATS.join(', ')}, or a template such as '{{.Name}}'.${hint}`,
  )
}

function isTemplate(format: string): boolean {
  return format.includes('{{')
}
