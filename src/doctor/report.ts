import type { Finding, Verdict } from '../libstorage/check.ts'
import { type CheckResult, gravest } from './examine.ts'

/** The form of the JSON that `doctor` prints; what reads it may rely on all fields of this number. */
const SCHEMA = 1

const MARKS: Readonly<Record<Verdict, string>> = {
  pass: 'ok',
  warn: 'warn',
  fail: 'FAIL',
  skip: 'skip',
}
/** Widest of the marks, and a gap. */
const INDENT = 6

/** Colours of a terminal; ECMA-48, select graphic rendition. */
const COLOURS: Readonly<Record<Verdict, number>> = { pass: 32, warn: 33, fail: 31, skip: 2 }

/** The gravest thing that was found. */
export function verdictOf(results: readonly CheckResult[]): Verdict {
  const all = results.flatMap(({ findings }) => findings)
  return gravest(all.filter(({ verdict }) => verdict !== 'skip'))
}

/** A line for each finding with its remedy beneath it, and last how many there are of each kind. */
export function reportAsText(
  results: readonly CheckResult[],
  { coloured }: { readonly coloured: boolean },
): string {
  const lines = results.flatMap((result) => linesOf(result, coloured))
  return asText([...lines, '', summary(results)])
}

/** As many lines for what has failed alone; '' where nothing has. */
export function failuresAsText(results: readonly CheckResult[]): string {
  const failures = results.map((result) => ({
    ...result,
    findings: result.findings.filter(({ verdict }) => verdict === 'fail'),
  }))
  return asText(failures.flatMap((result) => linesOf(result, false)))
}

function linesOf({ id, service, findings }: CheckResult, coloured: boolean): readonly string[] {
  const paint = (verdict: Verdict, text: string) =>
    coloured ? `\u001b[${COLOURS[verdict]}m${text}\u001b[0m` : text
  return findings.flatMap(({ verdict, seen, remedy }) => {
    const mark = paint(verdict, MARKS[verdict].padEnd(INDENT))
    const named = service === undefined ? id : `${id} (${service})`
    const ways = verdict === 'pass' || remedy === undefined ? [] : remedy.split('\n')
    return [
      `${mark}${named}: ${oneLine(seen)}`,
      ...ways.map((way) => `${' '.repeat(INDENT)}  ${printable(way)}`),
    ]
  })
}

function asText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

/** The same for programs. */
export function reportAsJson(results: readonly CheckResult[]): string {
  const checks = results.map(({ id, title, service, findings }) => ({
    id,
    title,
    ...(service !== undefined && { service }),
    verdict: gravest(findings),
    findings: findings.map(({ verdict, seen, remedy }: Finding) => ({
      verdict,
      seen,
      ...(remedy !== undefined && { remedy }),
    })),
  }))
  const report = { schema: SCHEMA, verdict: verdictOf(results), checks }
  return `${JSON.stringify(report, undefined, 2)}\n`
}

function summary(results: readonly CheckResult[]): string {
  const count = (wanted: Verdict) =>
    results.flatMap(({ findings }) => findings).filter(({ verdict }) => verdict === wanted).length
  const many = (number: number, word: string) =>
    `${number === 0 ? 'no' : number} ${word}${number === 1 ? '' : 's'}`
  const skipped = count('skip')
  return [
    `${many(results.length, 'check')}: ${many(count('fail'), 'failure')}`,
    many(count('warn'), 'warning'),
    ...(skipped === 0 ? [] : [`${skipped} not looked at`]),
  ].join(', ')
}

function oneLine(text: string): string {
  return printable(text.replace(/\s*\n\s*/g, '; '))
}

/** A name that another machine chose must not steer this one's terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\uFFFD')
}
