import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, isAbsolute, join } from 'node:path'
import { UNIT_TITLE } from './unit.ts'

/** Where administrators, whoever runs the machine, and packages put units; what comes first hides the others. */
const FOLDERS = [
  'etc/systemd/system',
  'run/systemd/system',
  'usr/local/lib/systemd/system',
  'usr/lib/systemd/system',
  'lib/systemd/system',
]

/** What a unit of systemd that is installed says. */
export interface UnitFile {
  readonly name: string
  /** Whether it has our title. */
  readonly isTitledOurs: boolean
  /** The words of the command that it runs. */
  readonly command: readonly string[]
  /** The variables of its server that say where things lie: `REXRAY_HOME` and those that begin so. */
  readonly home: Readonly<Record<string, string>>
}

/** Reads a unit below a root, with what is dropped in beside it; undefined where there is none. */
export function readUnit(root: string, name: string): UnitFile | undefined {
  const folders = FOLDERS.map((folder) => join(root, folder))
  const main = folders.map((folder) => join(folder, name)).find((file) => existsSync(file))
  if (main === undefined) return undefined
  const lines = [main, ...dropIns(folders, name)].flatMap((file) => linesOf(file))
  const environment = settings(lines, 'Environment').flatMap((value) => words(value))
  const files = settings(lines, 'EnvironmentFile').map((value) => value.replace(/^-/, ''))
  const variables = files.flatMap((file) => linesOf(join(root, words(file)[0] ?? '')).map(unquoted))
  return {
    name,
    isTitledOurs: lines.includes(UNIT_TITLE),
    command: settings(lines, 'ExecStart').flatMap((value) => commandWords(value)),
    home: homeIn([...environment, ...variables]),
  }
}

/** Whether a unit starts this script, by whatever link. */
export function startsScript({ command }: UnitFile, script: string): boolean {
  const wanted = canonical(script)
  return wanted !== undefined && command.some((word) => canonical(word) === wanted)
}

function dropIns(folders: readonly string[], name: string): readonly string[] {
  const files = new Map<string, string>()
  for (const folder of folders.map((one) => join(one, `${name}.d`))) {
    for (const file of existsSync(folder) ? readdirSync(folder) : [])
      if (file.endsWith('.conf') && !files.has(file)) files.set(file, join(folder, file))
  }
  return [...files.values()].toSorted((one, other) => (basename(one) < basename(other) ? -1 : 1))
}

/** Nothing where it cannot be read: systemd cannot either, or the reader is not root. */
function linesOf(file: string): readonly string[] {
  try {
    const text = readFileSync(file, 'utf8').replaceAll('\\\n', ' ')
    return text.split('\n').map((line) => line.trim())
  } catch {
    return []
  }
}

/** The values of a setting that adds up; an empty one takes back those before. */
function settings(lines: readonly string[], name: string): readonly string[] {
  const values = lines.flatMap((line) => {
    const [, key, value] = /^(\w+)\s*=\s*(.*)$/.exec(line) ?? []
    return key === name && value !== undefined ? [value] : []
  })
  return values.slice(values.lastIndexOf('') + 1)
}

/** The words of a value, which may be in quotes; https://www.freedesktop.org/software/systemd/man/systemd.syntax.html */
function words(value: string): readonly string[] {
  const found = value.match(/(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\.|[^\s"'\\])+/g) ?? []
  return found.map((word) => unquoted(word).replaceAll('%%', '%'))
}

/** Of a command, whose first word has signs of systemd's before it. */
function commandWords(value: string): readonly string[] {
  return words(value.replace(/^[-@:+!]+/, '')).map((word) => word.replaceAll('$$', '$'))
}

function unquoted(text: string): string {
  return text.replaceAll(/\\(.)|["']/g, '$1')
}

function homeIn(variables: readonly string[]): Readonly<Record<string, string>> {
  const pairs = variables.flatMap((variable) => {
    const [, name, value] = /^(REXRAY_HOME\w*)=(.*)$/.exec(variable) ?? []
    return name !== undefined && value !== undefined ? [[name, value] as const] : []
  })
  return Object.fromEntries(pairs)
}

function canonical(path: string): string | undefined {
  try {
    return isAbsolute(path) ? realpathSync(path) : undefined
  } catch {
    return undefined
  }
}
