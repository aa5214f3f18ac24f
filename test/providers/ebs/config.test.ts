import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { run } from '../../../src/libstorage/run.ts'
import { ebsDefinition, ebsSettings } from '../../../src/providers/ebs/config.ts'

test('durations are milliseconds once they are parsed, and wrong ones are refused with the form', () => {
  expect(ebsSettings.parse({})).toMatchObject({ statusTimeout: 120_000, statusInitialDelay: 100 })
  const wrong = ebsSettings.safeParse({ statusTimeout: 'soon' })
  expect(wrong.error?.issues[0]?.message).toBe('use a duration such as 500ms, 2s or 2m')
})

test('a provider is made of parsed settings, and asks nobody for anything yet', async () => {
  const settings = ebsSettings.parse({ metadataEndpoint: 'http://127.0.0.1:1' })
  const context = { service: 'ebs', libDirectory: tmpdir(), run }
  const provider = await ebsDefinition.create(settings, context)
  expect(provider).toMatchObject({ storage: 'block', scope: 'global', consistency: 'eventual' })
  expect(provider.looksLikeId('vol-0123456789abcdef0')).toBe(true)
  expect(provider.looksLikeId('vol-data')).toBe(false)
})

test('secrets are marked as such', () => {
  const secret = Object.entries(ebsSettings.shape)
    .filter(([, schema]) => schema.meta()?.['secret'] === true)
    .map(([key]) => key)
  expect(secret).toEqual(['secretKey', 'sessionToken'])
})

test('a metadata endpoint that is no URL is refused with what one looks like', () => {
  const wrong = ebsSettings.safeParse({ metadataEndpoint: '169.254.169.254' })
  expect(wrong.error?.issues[0]?.message).toBe('must be a URL such as http://169.254.169.254')
})
