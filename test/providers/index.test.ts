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

/** The providers as a bundler splits them: what is loaded later has a file of its own. */
async function bundled() {
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
  return metafile
}

test('a driver that is not used is not loaded', async () => {
  const { outputs } = await bundled()
  const entry = Object.values(outputs).find((output) =>
    output.entryPoint?.endsWith('providers/index.ts'),
  )
  const eager = Object.keys(entry?.inputs ?? {}).filter((path) => path.includes('providers/'))
  for (const { name } of providers)
    expect(eager).toContainEqual(expect.stringMatching(new RegExp(`/${name}/config\\.ts$`)))
  const light = /providers\/(index|definition|[^/]+\/(config|settings))\.ts$/
  expect(eager.filter((path) => !light.test(path))).toEqual([])
})

test('what doctor looks at is loaded for it alone', async () => {
  const { outputs } = await bundled()
  const reached = (file: string): string[] => [
    ...Object.keys(outputs[file]?.inputs ?? {}),
    ...(outputs[file]?.imports ?? []).flatMap(({ kind, path }) => {
      if (kind !== 'import-statement') return []
      return outputs[path] === undefined ? [path] : reached(path)
    }),
  ]
  const served = Object.entries(outputs)
    .filter(([, { entryPoint }]) => /providers\/\w+\/index\.ts$/.test(entryPoint ?? ''))
    .flatMap(([file]) => reached(file))
  expect(served).toContainEqual(expect.stringMatching(/^@aws-sdk\/client-ec2$/))
  expect(served.filter((one) => /\/checks\/|client-(iam|sts)$/.test(one))).toEqual([])
})
