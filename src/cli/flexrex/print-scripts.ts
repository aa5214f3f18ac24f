import { compareTexts, type Listing } from '../output/printer.ts'
import { TemplateObject } from '../output/template/values.ts'
import type { ScriptState } from './script.ts'

/** How scripts are printed: as REX-Ray has it. */
export const SCRIPTS: Listing<ScriptState> = {
  columns: () => [
    { heading: 'Path', text: ({ path }) => path },
    { heading: 'Installed', text: ({ installed }) => String(installed) },
    { heading: 'Modified', text: ({ modified }) => String(modified) },
  ],
  report: scriptReport,
  fields: (script) =>
    new TemplateObject(
      'a script',
      {
        Name: script.name,
        Path: script.path,
        Installed: script.installed,
        Modified: script.modified,
      },
      scriptReport(script),
    ),
  compare: (a, b) => compareTexts(a.path, b.path),
  sample: { name: 'sample', path: '/sample', installed: true, modified: false },
}

function scriptReport({ name, path, installed, modified }: ScriptState): object {
  return { name, path, installed, modified }
}
