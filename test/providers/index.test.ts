import { execFileSync } from 'node:child_process'
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/libstorage/run.ts'
import { providers } from '../../src/providers/index.ts'
import { PoolWorld } from '../support/pool-world.ts'

const names = providers.map((one) => one.name)

test('every driver name and alias means one provider', () => {
  const all = providers.flatMap((one) => [one.name, ...one.aliases])
  expect(new Set(all).size).toBe(all.length)
})

describe.each(providers)('the definition of $name', (definition) => {
  test('takes no settings at all, and describes every key', () => {
    expect(definition.settings.safeParse({}).success).toBe(true)
    for (const [key, field] of Object.entries(definition.settings.shape))
      expect(field.description, key).toMatch(/\w+/)
  })

  test('says why the machine cannot serve it as a clause, if it cannot', async () => {
    expect((await definition.unavailable()) ?? 'needs nothing').toMatch(/^[a-z/].*[^.]$/)
  })
})

test('a pool that is no absolute path is refused by the schema', () => {
  for (const { settings } of providers) {
    expect(settings.safeParse({ pool: 'here' }).success).toBe(false)
    expect(settings.safeParse({ instance: '' }).success).toBe(false)
  }
})

test('vfs can be served anywhere', async () => {
  expect(await providers.find((one) => one.name === 'vfs')?.unavailable()).toBeUndefined()
})

describe('without settings', () => {
  let world: PoolWorld
  beforeEach(async () => {
    world = await PoolWorld.make()
  })
  afterEach(() => world.cleanup())

  test.each(names)(
    '%s is this host, with a pool of its own beneath the library folder',
    async (name) => {
      const definition = providers.find((one) => one.name === name)
      const context = { service: name, libDirectory: world.root, run }
      const provider = await definition?.create({}, context)
      expect((await provider?.executor.instance())?.id).toBe(hostname())
      const made = await provider?.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
      expect(made?.name).toBe('data')
      execFileSync('test', ['-f', `${world.root}/${name}/data/volume.json`])
    },
  )
})

test('a driver that is not used is not loaded', async () => {
  const { metafile } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/providers/index.ts', import.meta.url))],
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outdir: 'never-written',
    write: false,
    metafile: true,
  })
  const entry = Object.values(metafile.outputs).find((output) =>
    output.entryPoint?.endsWith('/index.ts'),
  )
  const eager = Object.keys(entry?.inputs ?? {}).map((path) => path.replace(/.*providers\//, ''))
  expect(eager).toContain('loop/config.ts')
  for (const name of names) expect(eager).not.toContain(`${name}/driver.ts`)
  expect(eager).not.toContain('pool/pool.ts')
})
