import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { providers as drivers } from '../../src/providers/index.ts'
import { ConfigWorld, failure } from '../support/config-world.ts'

let world: ConfigWorld
beforeEach(async () => {
  world = await ConfigWorld.make()
})
afterEach(() => world.remove())

test('a variable with _FILE names the file that holds the value of a key of a driver', async () => {
  const key = await world.write('access', 'AKIAEXAMPLE')
  const secret = await world.write('secret', 'not a secret\r\n')
  const env = {
    LIBSTORAGE_SERVICE: 'ebs',
    AWS_ACCESSKEY_FILE: key,
    EBS_SECRETKEY_FILE: secret,
    EBS_SESSIONTOKEN_FILE: '',
  }
  const { services } = await world.load({ drivers, env })
  expect(services[0]?.settings).toMatchObject({
    accessKey: 'AKIAEXAMPLE',
    secretKey: 'not a secret',
  })
})

test('what such a file holds is read as the variable would be', async () => {
  const retries = await world.write('retries', 'many\n')
  const env = { LIBSTORAGE_SERVICE: 'ebs', EBS_MAXRETRIES_FILE: retries }
  const { message } = await failure(world.load({ drivers, env }))
  expect(message).toBe('environment EBS_MAXRETRIES: ebs.maxRetries is "many", use a number')
})

test.each([
  ['that is not there', 'missing', undefined, /missing cannot be read \(ENOENT\), make it a file/],
  ['that is a folder', '.', undefined, /cannot be read \(EISDIR\)/],
  ['that is empty', 'empty', '\n', /empty is empty, let it hold what EBS_SECRETKEY would$/],
])('a file %s is a mistake, and nothing is served without it', async (_what, name, text, said) => {
  const file = text === undefined ? join(world.root, name) : await world.write(name, text)
  const env = { LIBSTORAGE_SERVICE: 'ebs', EBS_SECRETKEY_FILE: file }
  const { message } = await failure(world.load({ drivers, env }))
  expect(message).toMatch(/^environment EBS_SECRETKEY_FILE: /)
  expect(message).toMatch(said)
})

test('a value that is given both ways is a mistake that shows no secret', async () => {
  const file = await world.write('secret', 'of-the-file')
  const env = { LIBSTORAGE_SERVICE: 'ebs', EBS_SECRETKEY: 'given', EBS_SECRETKEY_FILE: file }
  const { message } = await failure(world.load({ drivers, env }))
  expect(message).toBe(
    `environment EBS_SECRETKEY_FILE: ${file} is named though EBS_SECRETKEY is set, set one of the two`,
  )
})
