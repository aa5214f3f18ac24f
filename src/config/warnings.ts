import { type DriverKeys, isSecret, keysOf, sectionsOf } from './driver-keys.ts'
import type { ConfigFile } from './files.ts'
import { KeyJudge } from './key-judge.ts'
import { type Key, operationKeys, otherNames, programKeys, STORAGE_DRIVERS } from './keys.ts'
import type { Lookup } from './lookup.ts'
import { type Place, placeText } from './mistakes.ts'
import { rexraySecrets } from './rexray-keys.ts'
import type { FileEntry } from './yaml-entries.ts'

/** Something that has no effect, or not the one that may have been meant. */
export interface Warning {
  /** Absent for a flag or variable. */
  readonly place?: Place
  /** Without its place. */
  readonly sentence: string
  /** Whether something else may have been meant than what is done. */
  readonly isDoubtful: boolean
}

const INCOMPLETE = 'has a variable that is not set, which counts as empty'
const SHOWN = 'is a secret that every user of this machine may read, chmod 600'

/** A warning as one line of the log. */
export function warningText({ place, sentence }: Warning): string {
  return place === undefined ? sentence : `${place.file}:${place.line}: ${sentence}`
}

/** The keys of the program and its drivers that stand at the root, dotted. */
export function rootKeys(drivers: readonly DriverKeys[]): readonly string[] {
  const paths = declaredKeys().flatMap((key) => [key.path, ...otherNames(key)])
  return [...paths, STORAGE_DRIVERS, ...drivers.flatMap(keysOf)]
}

/** What a configuration is judged with. */
export interface JudgedConfig {
  readonly lookup: Lookup
  readonly drivers: readonly DriverKeys[]
  readonly files: readonly ConfigFile[]
}

/**
 * Warns of each key that has no effect, or not the one that was meant, and of secrets that everybody may read. A value
 * where a section belongs, or the other way round, is among the lookup's mistakes.
 */
export function warningsAbout({ lookup, drivers, files }: JudgedConfig): readonly Warning[] {
  const judge = new KeyJudge(rootKeys(drivers), newNames(drivers), drivers)
  const secrets = secretKeys(drivers)
  const open = new Set(files.filter(({ isOpen }) => isOpen).map(({ path }) => path))
  const inFiles = [...lookup.entries()].flatMap((entry): readonly Warning[] => {
    const { clause, mistake, isDoubtful = false } = judge.judge(entry)
    if (mistake !== undefined)
      lookup.mistakes.add({
        source: placeText(entry),
        place: entry,
        subject: entry.path,
        ...mistake,
      })
    const warn = (said: string, doubtful: boolean) => ({
      place: entry,
      sentence: `${entry.path} ${said}`,
      isDoubtful: doubtful,
    })
    const isShown = open.has(entry.file) && isWrittenSecret(entry, secrets)
    return [
      ...(clause === undefined ? [] : [warn(clause, isDoubtful)]),
      ...(lookup.isIncomplete(entry) ? [warn(INCOMPLETE, true)] : []),
      ...(isShown ? [warn(`${SHOWN} ${entry.file}`, false)] : []),
    ]
  })
  return [...inFiles, ...outsideFiles(lookup, drivers)]
}

function declaredKeys(): readonly Key[] {
  return [...Object.values(programKeys), ...Object.values(operationKeys)]
}

/** What is better written today, by the older name in lower case. */
function newNames(drivers: readonly DriverKeys[]): ReadonlyMap<string, string> {
  const declared = declaredKeys().flatMap((key) =>
    otherNames(key).map((name) => [name, key.path] as const),
  )
  const ofDrivers = drivers.flatMap((driver) =>
    driver.aliases.flatMap((alias) =>
      Object.keys(driver.settings.shape).map(
        (name) => [`${alias}.${name}`, `${driver.name}.${name}`] as const,
      ),
    ),
  )
  const pairs = [
    ...declared,
    ...ofDrivers,
    [STORAGE_DRIVERS, programKeys.service.path] as const,
    [operationKeys.volumeRootPath.path, operationKeys.mountRootPath.path] as const,
  ]
  return new Map(pairs.map(([older, newer]) => [older.toLowerCase(), newer]))
}

/** Flags and variables that are named like older keys. */
function outsideFiles(lookup: Lookup, drivers: readonly DriverKeys[]): readonly Warning[] {
  return [...newNames(drivers)].flatMap(([older, newer]) =>
    lookup.saidOutsideFiles(older).map((name) => ({
      sentence: `${name} is understood as ${newer}, set that`,
      isDoubtful: false,
    })),
  )
}

function secretKeys(drivers: readonly DriverKeys[]): ReadonlySet<string> {
  return new Set(
    drivers
      .flatMap((driver) =>
        Object.entries(driver.settings.shape)
          .filter(([, schema]) => isSecret(schema))
          .flatMap(([name]) => sectionsOf(driver).map((section) => `${section}.${name}`)),
      )
      .map((key) => key.toLowerCase()),
  )
}

/** A secret that stands in the file itself; one that a variable holds does not. */
function isWrittenSecret({ key, value }: FileEntry, secrets: ReadonlySet<string>): boolean {
  if (typeof value !== 'string' || value === '' || /^\$(?:\w+|\{\w+\})$/.test(value)) return false
  const lastTwo = key.split('.').slice(-2).join('.')
  return secrets.has(lastTwo) || rexraySecrets.test(key)
}
