import { describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../src/libstorage/errors.ts'
import { parseListenAddress } from '../../src/plugin-api/listen-address.ts'

describe('a host', () => {
  test.each([
    ['unix:///run/a.sock', { kind: 'unix', path: '/run/a.sock' }],
    ['/run/a.sock', { kind: 'unix', path: '/run/a.sock' }],
    ['tcp://127.0.0.1:7979', { kind: 'tcp', host: '127.0.0.1', port: 7979 }],
    ['tcp://localhost:0', { kind: 'tcp', host: 'localhost', port: 0 }],
    ['tcp://[::1]:80', { kind: 'tcp', host: '::1', port: 80 }],
    ['tcp://:7979', { kind: 'tcp', port: 7979 }],
  ])('like %s is understood', (host, expected) => {
    expect(parseListenAddress(host)).toEqual(expected)
  })

  test.each([
    '',
    'rexray.sock',
    'unix://rexray.sock',
    '/run/plugins/',
    '/a\0b',
    'tcp://127.0.0.1',
    'tcp://::1:80',
    'tcp://h:65536',
    'https://h:1',
  ])('like %j is refused with the forms there are', (host) => {
    expect(() => parseListenAddress(host)).toThrow(InvalidArgumentError)
    expect(() => parseListenAddress(host)).toThrow(
      'write unix:///path/name.sock or tcp://host:port',
    )
  })
})
