import * as z from 'zod'
import { type Found, type Lookup, wrongValue } from './lookup.ts'
import type { Mistake } from './mistakes.ts'
import { parseBoolean } from './values.ts'

/** What configuration has to know of a driver. A provider's definition has it. */
export interface DriverKeys {
  readonly name: string
  /** Other names for the driver, and for the section of its keys. */
  readonly aliases: readonly string[]
  /** The keys beneath `<name>.`; one that is marked by `.meta({ secret: true })` is never shown. */
  readonly settings: z.ZodObject
}

/** The driver that a name or alias means. */
export function driverNamed(drivers: readonly DriverKeys[], name: string): DriverKeys | undefined {
  const wanted = name.toLowerCase()
  return drivers.find((driver) =>
    sectionsOf(driver).some((known) => known.toLowerCase() === wanted),
  )
}

/** The sections in which a driver's keys may stand: its own, and those of its aliases. */
export function sectionsOf({ name, aliases }: DriverKeys): readonly string[] {
  return [name, ...aliases]
}

/** All keys of a driver, dotted, in all of its sections. */
export function keysOf(driver: DriverKeys): readonly string[] {
  const names = Object.keys(driver.settings.shape)
  return sectionsOf(driver).flatMap((section) => names.map((name) => `${section}.${name}`))
}

/** What is said of a driver's key, in whichever of its sections. */
export function findDriverKey(
  driver: DriverKeys,
  name: string,
  lookup: Lookup,
  scopes: readonly string[],
): Found | undefined {
  const paths = sectionsOf(driver).map((section) => `${section}.${name}`)
  return lookup.find({ paths, isMachines: true }, scopes)
}

/**
 * Reads a driver's keys for one service and parses them by its schema. Truth values, numbers and lists are read from
 * their texts; anything else the schema reads itself, and says what it wants by a message (`use …`, `must …`). What is
 * wrong is among the lookup's mistakes, and the settings are undefined then.
 */
export function resolveDriverSettings(
  { driver, service }: { driver: DriverKeys; service: string },
  lookup: Lookup,
  scopes: readonly string[],
): unknown {
  const { found, values } = saidValues(driver, lookup, scopes)
  const parsed = driver.settings.safeParse(values)
  if (parsed.success) return parsed.data
  for (const issue of parsed.error.issues) {
    const wrong = wrongSetting(driver, issue, found)
    const lacking = {
      subject: `service ${JSON.stringify(service)}`,
      problem: `lacks ${driver.name}.${String(issue.path[0] ?? '')}`.replace(/\.$/, ' settings'),
      remedy: remedyOf(issue),
    }
    lookup.mistakes.add(wrong ?? lacking)
  }
  return undefined
}

/** Adds to the lookup's mistakes what files say wrong of a driver's keys, whether any service has that driver or not. */
export function judgeDriverKeys(
  driver: DriverKeys,
  lookup: Lookup,
  scopes: readonly string[],
): void {
  const { found, values } = saidValues(driver, lookup, scopes)
  const parsed = driver.settings.partial().safeParse(values)
  for (const issue of parsed.error?.issues ?? []) {
    const wrong = wrongSetting(driver, issue, found)
    if (wrong?.place !== undefined) lookup.mistakes.add(wrong)
  }
}

interface SaidValues {
  /** Who says it, by the name of the key. */
  readonly found: ReadonlyMap<string, Found>
  readonly values: Readonly<Record<string, unknown>>
}

function saidValues(driver: DriverKeys, lookup: Lookup, scopes: readonly string[]): SaidValues {
  const found = new Map<string, Found>()
  const values: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(driver.settings.shape)) {
    const value = findDriverKey(driver, name, lookup, scopes)
    if (value === undefined || value.value === '') continue
    found.set(name, value)
    values[name] = fromText(layersOf(schema).at(-1), value.value)
  }
  return { found, values }
}

/** The mistake that something was said that is not allowed; undefined where nothing was said. */
function wrongSetting(
  { settings }: DriverKeys,
  issue: z.core.$ZodIssue,
  found: SaidValues['found'],
): Mistake | undefined {
  const name = String(issue.path[0] ?? '')
  const wrong = found.get(name)
  const secret = isSecret(settings.shape[name])
  return wrong && wrongValue(wrong, { remedy: remedyOf(issue), secret })
}

/** What one would write for a key of this schema to get its default; undefined where the driver finds it itself. */
export function defaultOf(schema: unknown): unknown {
  const layer = layersOf(schema).find(
    (one) => one instanceof z.ZodDefault || one instanceof z.ZodPrefault,
  )
  return layer?.def.defaultValue
}

/** Whether a key's value is never shown. */
export function isSecret(schema: unknown): boolean {
  return layersOf(schema).some((layer) => layer.meta()?.['secret'] === true)
}

/** Whether a key is true or false. */
export function isSwitch(schema: unknown): boolean {
  return layersOf(schema).some((layer) => layer instanceof z.ZodBoolean)
}

/** A schema and what it wraps: what is optional or has a default, and what a transformation begins with. */
function layersOf(schema: unknown): readonly z.ZodType[] {
  if (!(schema instanceof z.ZodType)) return []
  if (schema instanceof z.ZodPipe) return [schema, ...layersOf(schema.in)]
  const wraps =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly
  return wraps ? [schema, ...layersOf(schema.unwrap())] : [schema]
}

function fromText(schema: z.ZodType | undefined, text: string | readonly string[]): unknown {
  if (schema instanceof z.ZodArray) {
    return typeof text === 'string' ? text.split(/\s+/).filter((word) => word !== '') : text
  }
  if (typeof text !== 'string') return text
  if (schema instanceof z.ZodBoolean) return parseBoolean(text.trim()) ?? text
  if (schema instanceof z.ZodNumber)
    return /^-?\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : text
  return text
}

function remedyOf(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_value':
      return `use one of ${issue.values.map(String).join(', ')}`
    case 'invalid_type':
      return issue.expected === 'boolean' ? 'use true or false' : `use a ${issue.expected}`
    case 'too_small':
      return `use ${issue.minimum}${unitOf(issue.origin)} or more`
    case 'too_big':
      return `use ${issue.maximum}${unitOf(issue.origin)} or less`
    default:
      return issue.message.replace(/^must /, 'it must ')
  }
}

function unitOf(origin: string): string {
  return origin === 'string' ? ' characters' : ''
}
