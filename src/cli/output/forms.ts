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

/** One of the forms by any of its names, or a template; undefined for what is neither. */
export function formatNamed(text: string): string | undefined {
  const format = text.toLowerCase()
  const known = ALIASES[format] ?? format
  if (FORMATS.includes(known)) return known
  return isTemplate(text) ? text : undefined
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

function isTemplate(format: string): boolean {
  return format.includes('{{')
}
