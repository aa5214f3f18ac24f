import type { ExaminedConfig } from '../../config/load.ts'
import { placeText, sentenceOf } from '../../config/mistakes.ts'
import type { Check, Finding } from '../../libstorage/check.ts'
import type { StorageError } from '../../libstorage/errors.ts'

const SHOW = 'remora config check'

/** What `config check` says, which files were read, and what is served, or why nothing is. */
export function configurationCheck(
  { mistakes, warnings, config }: Pick<ExaminedConfig, 'mistakes' | 'warnings' | 'config'>,
  serves: string | StorageError,
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
  const choice: readonly Finding[] =
    typeof serves === 'string'
      ? []
      : [{ verdict: 'fail', seen: serves.finding, remedy: serves.remedy ?? SHOW }]
  const all = [...findings, ...choice]
  const files = config.files.length === 0 ? 'no file' : config.files.join(', ')
  return {
    id: 'machine.configuration',
    title: 'the configuration',
    run: async () =>
      all.length > 0 ? all : [{ verdict: 'pass', seen: `${files}: no mistakes; ${serves}` }],
  }
}
