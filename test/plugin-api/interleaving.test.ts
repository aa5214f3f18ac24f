import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NotFoundError, UnavailableError } from '../../src/libstorage/errors.ts'
import { dialects, exchange, parseReply, pathOf, post } from '../support/docker-client.ts'
import { PluginRig } from '../support/plugin-rig.ts'

const CALLS = [
  'Activate',
  'Capabilities',
  'List',
  'Get',
  'Path',
  'Create',
  'Remove',
  'Mount',
  'Unmount',
]

let rig: PluginRig
beforeEach(async () => {
  rig = await PluginRig.start()
})
afterEach(() => rig.stop())

const name = fc.oneof(fc.constantFrom('a', 'b', 'A'), fc.string({ unit: 'binary', minLength: 1 }))
const fields = fc.record(
  {
    Name: name,
    ID: fc.option(fc.oneof(fc.constantFrom('x', 'y'), fc.string())),
    Opts: fc.option(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean()))),
    Other: fc.jsonValue(),
  },
  { requiredKeys: ['Name'] },
)
const body = fc.oneof(
  { weight: 6, arbitrary: fields.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.jsonValue().map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.string({ minLength: 1 }).filter((text) => text.trim() !== '') },
)
const request = fc.record({
  call: fc.constantFrom(...CALLS),
  body,
  host: fc.constantFrom('', 'plugin', 'plugin.moby.localhost', '10.0.0.1:80'),
  failing: fc.boolean(),
})

test('any interleaving of requests gets a JSON object for each, 200 or with an Err', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 12 }), async (requests) => {
      const replies = requests.map(({ call, body: text, host, failing }) => {
        const facts = { subject: 'EC2', problem: 'is away' }
        rig.volumes.calls.fail('get', failing ? new UnavailableError(facts) : undefined)
        rig.volumes.calls.fail('mount', failing ? new NotFoundError('volume') : undefined)
        const length = `Content-Length: ${Buffer.byteLength(text)}`
        return exchange({ path: rig.path }, post(pathOf(call), text, [`Host: ${host}`, length]))
      })
      for (const received of await Promise.all(replies)) {
        const { status, json, headers } = parseReply(received)
        expect(json).toBeTypeOf('object')
        expect(json).not.toBeNull()
        expect(Array.isArray(json)).toBe(false)
        expect(headers.get('connection')).toBe('close')
        expect([200, 400, 500]).toContain(status)
        if (status !== 200) expect((json as { Err: string }).Err).toMatch(/./)
      }
    }),
    { numRuns: 60 },
  )
  expect(rig.logged('error')).toEqual([])
})

test('any interleaving of Mounts and Unmounts leaves as many references as were not undone', async () => {
  const step = fc.record({
    call: fc.constantFrom('Mount', 'Unmount'),
    ID: fc.constantFrom('x', 'y'),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 10 }),
      fc.constantFrom(...dialects),
      async (steps, dialect) => {
        rig.volumes.put({ name: 'v' })
        const expected: Record<string, number> = {}
        for (const { call, ID } of steps) {
          const { status } = await rig.client(dialect).call(call, { Name: 'v', ID })
          expect(status).toBe(200)
          const count = Math.max(0, (expected[ID] ?? 0) + (call === 'Mount' ? 1 : -1))
          if (count === 0) delete expected[ID]
          else expected[ID] = count
        }
        expect(rig.volumes.referencesTo('v')).toEqual(expected)
      },
    ),
    { numRuns: 25 },
  )
})
