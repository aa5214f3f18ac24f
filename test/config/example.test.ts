import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  type Key,
  moduleKeys,
  operationKeys,
  programKeys,
  serviceKeys,
} from '../../src/config/keys.ts'
// driver keys come from the providers list
import { providers as drivers } from '../../src/providers/index.ts'
import { ConfigWorld } from '../support/config-world.ts'

/** One key as the example has to show it. */
interface Documented {
  readonly path: string
  readonly default?: string
  readonly why: string
}

const example = await readFile(new URL('../../config.yml.example', import.meta.url), 'utf8')
/** What an administrator gets who takes the comment signs away: prose has two of them. */
const uncommented = example.replaceAll(/^# /gm, '')

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

describe('the example configuration', () => {
  test('says nothing as it is', async () => {
    const config = await world.loadText(example, { drivers })
    expect(config).toMatchObject({ services: [], warnings: [] })
  })

  test('changes nothing when its comment signs are taken away', async () => {
    const configFile = join(world.root, 'example.yml')
    await writeFile(configFile, uncommented)
    const plain = await world.load({ drivers, env: { REXRAY_HOME: '/' } })
    const config = await world.load({ drivers, env: { REXRAY_HOME: '/' }, flags: { configFile } })
    expect(config.warnings).toEqual([])
    expect(config.logLevel).toBe(plain.logLevel)
    expect(config.modules).toEqual(plain.modules)
    expect(config.services.map(({ name }) => name)).toEqual(['loop'])
    const [service] = config.services
    const untouched = plain.resolveService('loop', 'loop')
    expect(service?.operations).toEqual(untouched.operations)
    expect(service?.settings).toEqual({ pool: '/var/lib/rexray/loop' })
  })

  const shown = new Map(linesOf(uncommented).map((line) => [line.path, line]))
  test.each(documentedKeys())('has $path with its default and why it is there', (key) => {
    expect(shown.get(key.path)).toMatchObject(key)
  })

  test('has no key beyond the declared ones', () => {
    const declared = documentedKeys().map(({ path }) => path)
    expect([...shown.keys()].filter((path) => !declared.includes(path))).toEqual([])
  })
})

/** Every declared key; what each provider's keys are for is the description in its schema. */
function documentedKeys(): readonly Documented[] {
  const beneath = (prefix: string, keys: readonly Key[]) =>
    keys.map(({ path, default: usual, why }) => ({
      path: prefix + path,
      default: usual
        .replace('<lib>', '/var/lib/rexray')
        .replace('<plugins>', '/run/docker/plugins'),
      why,
    }))
  return [
    ...beneath('', Object.values(programKeys)),
    ...beneath('', Object.values(operationKeys)),
    ...beneath('libstorage.server.services.loop.', Object.values(serviceKeys)),
    ...beneath('rexray.modules.default-docker.', Object.values(moduleKeys)),
    ...drivers.flatMap(({ name, settings }) =>
      Object.entries(settings.shape).map(([key, schema]) => ({
        ...described(schema as z.ZodType),
        path: `${name}.${key}`,
      })),
    ),
  ]
}

/** A default that depends on the host is in no schema: then the example shows the usual one. */
function described(schema: z.ZodType): Omit<Documented, 'path'> {
  // What is written of a value that is turned into another one, such as 2m.
  const written = schema instanceof z.ZodPipe ? (schema.in as z.ZodType) : schema
  const made = written.safeParse(undefined).data
  const why = schema.description ?? ''
  return made === undefined ? { why } : { default: String(made), why }
}

/** The keys of a block of YAML with the comment behind each, read without a YAML parser. */
function linesOf(text: string): readonly Documented[] {
  const levels: { indent: number; name: string }[] = []
  const lines: Documented[] = []
  for (const line of text.split('\n')) {
    const { indent, name, value, why } =
      /^(?<indent> *)(?<name>[\w-]+):(?: (?<value>[^#\s]+))?(?: # (?<why>.*))?$/.exec(line)
        ?.groups ?? {}
    if (indent === undefined || name === undefined) continue
    while ((levels.at(-1)?.indent ?? -1) >= indent.length) levels.pop()
    levels.push({ indent: indent.length, name })
    if (why === undefined) continue
    const path = levels.map((level) => level.name).join('.')
    lines.push({ path, default: value ?? '', why })
  }
  return lines
}
