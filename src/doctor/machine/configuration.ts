import type { ExaminedConfig } from '../../config/load.ts'
import { placeText, sentenceOf } from '../../config/mistakes.ts'
import type { Check, Finding } from '../../libstorage/check.ts'

const SHOW = 'remora config check'

/** What `config check` says, and which files were read. */
export function configurationCheck(
  { mistakes, warnings, config }: Pick<ExaminedConfig, 'mistakes' | 'warnings' | 'config'>,
  serves: string,
): Check {
  const said = (source: string | undefined, sentence: string) =>
    source === undefined ? sentence : `${source}: ${sentence}`
  const findings: readonly Finding[] = [
    ...mistakes.map(
      (mistake): Finding => ({
        verdict: 'fail',
        seen: said(mistake.source, sentenceOf(mistake)),
        remedy: SHOW,
      }),
    ),
    ...warnings.map(
      ({ place, sentence }): Finding => ({
        verdict: 'warn',
        seen: said(place && placeText(place), sentence),
        remedy: SHOW,
      }),
    ),
  ]
  const files = config.files.length === 0 ? 'no file' : config.files.join(', ')
  return {
    id: 'machine.configuration',
    title: 'the configuration',
    run: async () =>
      findings.length > 0
        ? findings
        : [{ verdict: 'pass', seen: `${files}: no mistakes; ${serves}` }],
  }
}
