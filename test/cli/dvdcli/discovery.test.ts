import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findPlugin } from '../../../src/cli/dvdcli/discovery.ts'
import { FailedPreconditionError, InvalidArgumentError } from '../../../src/libstorage/errors.ts'

let root: string
let servers: Server[]
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'dvdcli-'))
  servers = []
})
afterEach(() => {
  for (const server of servers) server.close()
  rmSync(root, { recursive: true, force: true })
})

function write(file: string, text: string): string {
  const full = path.join(root, file)
  mkdirSync(path.dirname(full), { recursive: true })
  writeFileSync(full, text)
  return full
}

async function listen(file: string): Promise<void> {
  const full = path.join(root, file)
  mkdirSync(path.dirname(full), { recursive: true })
  const server = createServer()
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(full, resolve))
}

/** Where a plugin was found, in one word. */
function found(name = 'p', roots = [root]): string | undefined {
  const address = findPlugin(name, roots)
  if (address === undefined) return undefined
  return address.kind === 'unix' ? address.socketPath.slice(root.length + 1) : address.host
}

const unverified = { rejectUnauthorized: false }

describe('a plugin is looked for', () => {
  test('at all places of Docker, the first that has it', async () => {
    const places = [
      'run/docker/plugins/p.sock',
      'run/docker/plugins/p/p.sock',
      ...['etc', 'usr/lib'].flatMap((folder) =>
        ['p.spec', 'p/p.spec', 'p.json', 'p/p.json'].map(
          (file) => `${folder}/docker/plugins/${file}`,
        ),
      ),
    ]
    expect(found()).toBeUndefined()
    for (const [index, place] of places.toReversed().entries()) {
      const host = `host${index}`
      if (place.endsWith('.sock')) await listen(place)
      else if (place.endsWith('.spec')) write(place, `tcp://${host}:1\n`)
      else write(place, JSON.stringify({ Addr: `tcp://${host}:1` }))
      expect(found()).toBe(place.endsWith('.sock') ? place : host)
    }
  })

  test('below a home of its own before the system', async () => {
    await listen('run/docker/plugins/p.sock')
    await listen('home/run/docker/plugins/p.sock')
    expect(found('p', [path.join(root, 'home'), root])).toBe('home/run/docker/plugins/p.sock')
  })

  test('by its very name, and never in a folder of another one', async () => {
    await listen('run/docker/plugins/P.sock')
    await listen('run/docker/plugins/sub/p.sock')
    write('etc/docker/plugins/sub/p.spec', 'tcp://host:1')
    expect(found()).toBeUndefined()
  })

  test('past a file that is no socket', () => {
    write('run/docker/plugins/p.sock', 'stale')
    write('etc/docker/plugins/p.spec', 'tcp://host:1')
    expect(found()).toBe('host')
  })

  test('past a socket that cannot be looked at, which is said where there is nothing else', () => {
    const file = write('run/docker/plugins/other', '').replace(/other$/, 'p.sock')
    symlinkSync('p.sock', file)
    expect(() => findPlugin('p', [root])).toThrow(FailedPreconditionError)
    expect(() => findPlugin('p', [root])).toThrow(`${file} cannot be looked at (ELOOP)`)
    write('etc/docker/plugins/p.spec', 'tcp://host:1')
    expect(found()).toBe('host')
  })
})

describe('a .spec', () => {
  test.each([
    ['unix:///x/y.sock\n', { kind: 'unix', socketPath: '/x/y.sock' }],
    [' tcp://10.0.0.1:81 \n', { kind: 'http', host: '10.0.0.1', port: 81, tls: unverified }],
    ['http://host/some/path', { kind: 'http', host: 'host', port: 80, tls: unverified }],
    ['https://host:8443/x', { kind: 'https', host: 'host', port: 8443, tls: unverified }],
    ['https://host', { kind: 'https', host: 'host', port: 443, tls: unverified }],
    ['tcp://[::1]:81', { kind: 'http', host: '::1', port: 81, tls: unverified }],
  ])('%j says where the plugin is', (text, address) => {
    write('etc/docker/plugins/p.spec', text)
    expect(findPlugin('p', [root])).toEqual(address)
  })

  test.each(['', 'host:81', 'ftp://host:81', 'unix://', 'tcp://'])(
    '%j is refused by the name of the file',
    (text) => {
      const file = write('etc/docker/plugins/p.spec', text)
      expect(() => findPlugin('p', [root])).toThrow(InvalidArgumentError)
      expect(() => findPlugin('p', [root])).toThrow(`${file} names no address`)
    },
  )

  test('that cannot be read is said, not passed over', () => {
    mkdirSync(path.join(root, 'etc/docker/plugins/p.spec'), { recursive: true })
    expect(() => findPlugin('p', [root])).toThrow(FailedPreconditionError)
    expect(() => findPlugin('p', [root])).toThrow('p.spec cannot be read (EISDIR)')
  })
})

describe('a .json', () => {
  const at = 'usr/lib/docker/plugins/p/p.json'
  const tls = (config?: object | null) => {
    write(at, JSON.stringify({ Name: 'other', Addr: 'https://host:1', TLSConfig: config }))
    const address = findPlugin('p', [root])
    return address?.kind === 'https' ? address.tls : undefined
  }

  test.each([undefined, null])(
    'with TLSConfig %j is verified by what the system trusts',
    (none) => {
      expect(tls(none)).toEqual({ rejectUnauthorized: true })
      write('etc/pki/tls/certs/ca-bundle.crt', 'trusted')
      expect(tls(none)).toEqual({ rejectUnauthorized: true, ca: 'trusted' })
    },
  )

  test('with an empty TLSConfig is not verified', () => {
    expect(tls({})).toEqual(unverified)
  })

  test('with a CAFile is verified by it, unless that is to be skipped, and shows a certificate', () => {
    const CAFile = write('ca', 'CA')
    expect(tls({ CAFile })).toEqual({ rejectUnauthorized: true, ca: 'CA' })
    expect(tls({ CAFile, InsecureSkipVerify: true })).toEqual({ ...unverified, ca: 'CA' })
    const CertFile = write('cert', 'CERT')
    const KeyFile = write('key', 'KEY')
    expect(tls({ CAFile, CertFile, KeyFile })).toEqual({
      rejectUnauthorized: true,
      ca: 'CA',
      cert: 'CERT',
      key: 'KEY',
    })
  })

  test('is understood in any letter case', () => {
    write(at, '{"addr":"https://host:1","tlsConfig":{"insecureSkipVerify":true}}')
    expect(findPlugin('p', [root])).toEqual({
      kind: 'https',
      host: 'host',
      port: 1,
      tls: unverified,
    })
  })

  test('names a CAFile that is not there', () => {
    expect(() => tls({ CAFile: '/nowhere/ca.pem' })).toThrow('/nowhere/ca.pem is not there')
  })

  test.each([
    ['{', 'is no JSON'],
    ['null', 'has no Addr'],
    ['[]', 'has no Addr'],
    ['{"Addr":5}', 'has no Addr'],
    ['{"Addr":"host:1"}', 'names no address'],
  ])('%j is refused by the name of the file', (text, why) => {
    const file = write(at, text)
    expect(() => findPlugin('p', [root])).toThrow(`${file} ${why}`)
  })
})
