import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const sources = path.resolve(import.meta.dirname, '../../../src')

/** What a file loads before it does anything, of this program and of libraries. */
function loadedBy(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  const text = readFileSync(file, 'utf8')
  for (const [, kind = '', from = ''] of text.matchAll(
    /^(import|export)\b[^;]*?from '([^']+)'$/gms,
  )) {
    if (isTypeOnly(text, from, kind)) continue
    if (from.startsWith('.')) loadedBy(path.resolve(path.dirname(file), from), seen)
    else seen.add(from)
  }
  return seen
}

function isTypeOnly(text: string, from: string, kind: string): boolean {
  const line = text
    .split('\n')
    .find((one) => one.startsWith(`${kind} type `) && one.includes(`'${from}'`))
  return line !== undefined
}

test.each(['cli/quick/request.ts', 'cli/quick/run.ts', 'config/find-answers.ts'])(
  '%s loads no library and nothing that speaks to a platform',
  (name) => {
    const file = path.join(sources, name)
    expect(existsSync(file)).toBe(true)
    const loaded = [...loadedBy(file)].map((one) => path.relative(sources, one))
    const libraries = [...loadedBy(file)].filter((one) => !path.isAbsolute(one))
    expect(libraries.filter((one) => !one.startsWith('node:'))).toEqual([])
    // Node.js takes a tenth of such a command to load either.
    expect(libraries.filter((one) => /crypto|fs\/promises/.test(one))).toEqual([])
    expect(loaded.filter((one) => /^(?:providers|plugin-api|app|logging)/.test(one))).toEqual([])
  },
)
