import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RefusedError, readReply } from '../../../src/cli/dvdcli/plugin-reply.ts'

const nothing = { mountpoint: '', implements: [], volume: undefined, volumes: [] }

test.each([
  ['{}', nothing],
  ['null', nothing],
  ['{"Err":""}', nothing],
  ['{"Err":null,"Mountpoint":null,"Volumes":null,"Volume":null}', nothing],
  ['{"mountpoint":"/mnt"}', { ...nothing, mountpoint: '/mnt' }],
  ['{"Mountpoint":"/a}\\"]b"} and more', { ...nothing, mountpoint: '/a}"]b' }],
  ['{"Mountpoint":"/a"}{"Err":"later"}', { ...nothing, mountpoint: '/a' }],
  ['{"Implements":["VolumeDriver",5]}', { ...nothing, implements: ['VolumeDriver'] }],
  ['{"Volume":{"name":"v"}}', { ...nothing, volume: { name: 'v', mountpoint: '' } }],
  [
    '{"Volumes":[null,{"Name":"v","Mountpoint":"/v","Status":{"a":1}},{}]}',
    {
      ...nothing,
      volumes: [
        { name: 'v', mountpoint: '/v' },
        { name: '', mountpoint: '' },
      ],
    },
  ],
])('%j is a success', (text, meant) => {
  expect(readReply(200, text)).toEqual(meant)
})

test.each([
  [200, '{"Err":"no\\ndisk ü"}', 'no\ndisk ü'],
  [200, '{"err":"no disk"}', 'no disk'],
  [500, '{"Err":"no disk"}', 'no disk'],
  [500, '{"Err":"no disk"} and more', 'no disk'],
  [500, 'no disk\n', 'no disk'],
  [404, '{"message":"no route"}', '{"message":"no route"}'],
  [500, '', 'the plugin answered 500'],
  [204, '', 'the plugin answered 204'],
  [201, '{"Mountpoint":"/mnt"}', '{"Mountpoint":"/mnt"}'],
  [200, '', 'the plugin answered nothing instead of a JSON object'],
  [200, '<html>', 'the plugin answered "<html>" instead of a JSON object'],
  [200, '{"Mountpoint":"/mn', 'the plugin answered "{\\"Mountpoint\\":\\"/mn" instead'],
  [200, '[]', 'the plugin answered "[]" instead of a JSON object'],
  [200, '{"Err":true}', 'true'],
  [200, '{"Mountpoint":7}', 'the plugin answered "{\\"mountpoint\\":7}" instead'],
  [200, '{"Volumes":{}}', 'the plugin answered "{\\"volumes\\":{}}" instead'],
])('%i with %j is refused', (status, text, why) => {
  expect(() => readReply(status, text)).toThrow(RefusedError)
  expect(() => readReply(status, text)).toThrow(why)
})

test('any text at all is a reply or a refusal', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((text) => `{"Err":${text}}`),
  )
  fc.assert(
    fc.property(texts, fc.constantFrom(200, 500), (text, status) => {
      try {
        readReply(status, text)
      } catch (error) {
        expect(error).toBeInstanceOf(RefusedError)
      }
    }),
  )
})
