import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findingsOf, findingText } from '../../src/cli/config/findings.ts'
import { excerptOf } from '../../src/config/excerpt.ts'
import { examineConfig, loadConfig } from '../../src/config/load.ts'
import { providers } from '../../src/providers/index.ts'

const CANARY = 'SuperSecretValue123'

let home: string
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'secrets-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

function inputOf(text: string) {
  const configFile = path.join(home, 'config.yml')
  writeFileSync(configFile, text)
  const env = { REXRAY_HOME: home }
  const flags = { configFile }
  return {
    env,
    uid: 0,
    homeDirectory: home,
    flags,
    drivers: providers,
    environmentFile: '/dev/null',
  }
}

describe.each([
  ['keys without a space behind the colon', `ebs:\n  accessKey:AKIA\n  secretKey:${CANARY}\n`],
  ['a section of one word', `libstorage: {service: ebs}\nebs: secretKey:${CANARY}\n`],
  ['a secret below its key', `ebs:\n  secretKey:\n    "${CANARY}\n`],
  ['a secret in a block below its key', `ebs:\n  secretKey: |\n\t${CANARY}\n   x: y: z\n`],
  ['a password in a URL', `virtualbox:\n  endpoint: [http://bob:${CANARY}@host:18083\n`],
  [
    'a password in a URL that is none',
    `libstorage: {service: virtualbox}\nvirtualbox:\n  endpoint: gopher://bob:${CANARY}@host\n  volumePath: /v\n`,
  ],
])('%s', (_, text) => {
  test('is wrong, and is told of without the secret', async () => {
    const input = inputOf(text)
    const refusal = await loadConfig(input).catch((error: Error) => error.message)
    expect(refusal).toEqual(expect.any(String))
    expect(refusal).not.toContain(CANARY)
    const examined = await examineConfig(input)
    const findings = findingsOf(examined).map(findingText).join('\n')
    expect(findings).not.toBe('')
    expect(findings).not.toContain(CANARY)
  })
})

test('an excerpt is as long as its line, and shows what is no secret', () => {
  expect(excerptOf('a: 1\n  secretKey: x y\n', 2)).toBe('  secretKey:****')
  expect(excerptOf('secretKey:\n\n  one two\nsize: 3', 3)).toBe('  *** ***')
  expect(excerptOf('secretKey:\n  one\nsize: 3', 3)).toBe('size: 3')
  expect(excerptOf('url: http://bob:pw@host/', 1)).toBe('url: http://bob:***@host/')
})
