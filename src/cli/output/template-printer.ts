import type { WantedTemplate } from './forms.ts'
import type { Listing, Printer } from './printer.ts'
import { alignTabs } from './template/align-tabs.ts'
import { compileTemplate } from './template/template.ts'
import { TemplateError } from './template/template-error.ts'
import { TemplateObject } from './template/values.ts'

/** Reads a template and tries it on a sample. Throws `TemplateError` where it cannot be right. */
export function openTemplatePrinter<Row>(
  listing: Listing<Row>,
  { text, isForEach, alignsTabs }: WantedTemplate,
): Printer<Row> {
  const { functions = {} } = listing
  const template = compileTemplate(text, { functions, escapes: true })
  const render: Printer<Row> = (rows) => {
    const all = rows.map(listing.fields)
    if (isForEach) return all.map((row) => `${template.render(row)}\n`).join('')
    return template.render(new TemplateObject('what a template gets', { D: all }, { D: all }))
  }
  try {
    render([listing.sample])
  } catch (error) {
    // What depends on the rows may be right with the real ones.
    if (!(error instanceof TemplateError) || error.isCertain) throw error
  }
  return (rows) => (alignsTabs ? alignTabs(render(rows)) : render(rows))
}
