import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CommandLine } from '../../support/command-line.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'token-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const run = (...args: string[]) => new CommandLine().run('token', ...args)

test('new prints a token for each subject, with the claims in their order', async () => {
  const { status, stdout } = await run('new', 'alice', 'bob', '--key', 'k', '--exp', '1h')
  expect(status).toBe(0)
  const said = stdout
    .trimEnd()
    .split('\n')
    .map((token) => token.split('.')[1] ?? '')
  const claims = said.map((part) => Buffer.from(part, 'base64url').toString())
  expect(claims[0]).toMatch(/^\{"exp":\d+,"iat":\d+,"nbf":\d+,"sub":"alice"\}$/)
  const { exp, iat } = JSON.parse(claims[1] ?? '')
  expect(exp - iat).toBe(3_600)
})

test('decode reads a token of a well known maker, from standard input too', async () => {
  // Made by hand after RFC 7519: {"alg":"HS256","typ":"JWT"} and its claims, signed with "secret".
  const token =
    'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTU0NjMwMDgwMCwibmJmIjoxNTQ2MzAwODAwLCJzdWIiOiJhbGljZSJ9'
  const line = new CommandLine()
  line.input = `${token}.x\n`
  expect(await line.run('token', 'decode')).toEqual({
    status: 0,
    stdout:
      'Subject  IssuedAt                       NotBefore                      Expires\n' +
      'alice    2019-01-01 00:00:00 +0000 UTC  2019-01-01 00:00:00 +0000 UTC  2100-01-01 00:00:00 +0000 UTC\n',
    stderr: '',
  })
  expect((await run('d', `${token}.x`, '-f', 'json')).stdout).toBe(
    '[{"exp":4102444800,"iat":1546300800,"nbf":1546300800,"sub":"alice"}]',
  )
})

const rsa = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const ec = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

test.each([
  ['HS512', { privateKey: 'secret', publicKey: 'secret' }],
  ['RS256', rsa],
  ['PS384', rsa],
  ['ES256', ec],
])('what %s signed it verifies, by a key in a file, and nothing else', async (alg, keys) => {
  const [own, other] = [path.join(folder, 'private'), path.join(folder, 'public')]
  writeFileSync(own, keys.privateKey)
  writeFileSync(other, keys.publicKey)
  const token = (await run('new', 'alice', '--alg', alg, '--key', own)).stdout.trim()
  expect(await run('decode', token, '--verify', '--key', other)).toMatchObject({ status: 0 })
  const [header, , signature] = token.split('.')
  const forged = Buffer.from('{"exp":4102444800,"iat":1,"nbf":1,"sub":"mallory"}')
  const changed = `${header}.${forged.toString('base64url')}.${signature}`
  expect(await run('decode', changed, '--verify', '--key', other)).toEqual({
    status: 1,
    stdout: '',
    stderr: 'remora: invalid token: this key did not sign it\n',
  })
})

test.each([
  [['decode', 'nonsense'], 'invalid token: it is not of their form'],
  [
    ['new', 'a'],
    'the key of the token is missing, give it, or a file with it, by --key or rexray.token.key',
  ],
  [['new', 'a', '--key', 'k', '--alg', 'HS257'], 'algorithm "HS257" is unknown, use HS256'],
  [['new', 'a', '--key', 'k', '--alg', 'RS256'], 'the key of the token is none for RS256'],
  [['new', 'a', '--key', 'k', '--exp', 'soon'], '--exp "soon" is no duration, write 24h or 30m'],
])('%j is refused', async (args, sentence) => {
  const { status, stdout, stderr } = await run(...args)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toContain(`remora: ${sentence}`)
})

test('a public key is not taken for a secret, whatever a token says of itself', async () => {
  const file = path.join(folder, 'public')
  writeFileSync(file, rsa.publicKey)
  const forged = (await run('new', 'mallory', '--alg', 'HS256', '--key', file)).stdout.trim()
  expect((await run('decode', forged, '--verify', '--key', file)).stderr).toContain(
    'the key of the token is none for HS256',
  )
})

test('a token that has expired is refused where it is verified; the key may come from the configuration', async () => {
  const line = new CommandLine()
  line.config = { said: (key) => (key === 'rexray.token.key' ? 'k' : undefined) }
  const token = (await line.run('token', 'new', 'a', '--exp', '0')).stdout.trim()
  expect((await line.run('token', 'decode', token)).status).toBe(0)
  expect((await line.run('token', 'decode', token, '--verify')).stderr).toMatch(
    /^remora: invalid token: it expired at \d{4}-/,
  )
})
