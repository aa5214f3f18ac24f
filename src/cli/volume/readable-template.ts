import { type OutputOptions, templateOf } from '../output/forms.ts'
import { volumeFunctions } from './volume-fields.ts'

/** Rejects with a sentence about a template that nothing could be printed with, before anything is opened. */
export async function requireReadableTemplate(options: OutputOptions): Promise<void> {
  const template = templateOf(options)
  if (template === undefined) return
  const { compileTemplate } = await import('../output/template/template.ts')
  compileTemplate(template.text, { functions: volumeFunctions })
}
