import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { providers } from '../../src/providers/index.ts'

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
  const eager = Object.keys(entry?.inputs ?? {}).filter((path) => path.includes('providers/'))
  for (const { name } of providers)
    expect(eager).toContainEqual(expect.stringMatching(new RegExp(`/${name}/config\\.ts$`)))
  const light = /providers\/(index|definition|[^/]+\/(config|settings))\.ts$/
  expect(eager.filter((path) => !light.test(path))).toEqual([])
})
