import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PluginClient } from '../../../src/cli/dvdcli/plugin-client.ts'
import { RefusedError } from '../../../src/cli/dvdcli/plugin-reply.ts'
import { TimeoutError, UnavailableError } from '../../../src/libstorage/errors.ts'
import { Certificates, hasOpenssl } from '../../support/certificates.ts'
import { SmallPlugin } from '../../support/small-plugin.ts'

let root: string
let plugin: SmallPlugin
let warnings: string[]
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'dvdcli-'))
  for (const folder of ['run', 'etc'])
    mkdirSync(path.join(root, folder, 'docker/plugins'), { recursive: true })
  plugin = new SmallPlugin()
  warnings = []
})
afterEach(async () => {
  await plugin.close()
  rmSync(root, { recursive: true, force: true })
})

const socket = () => path.join(root, 'run/docker/plugins/p.sock')

function client({ limitMs = 10_000, pausesMs = [5, 5, 5, 5], warn = noted } = {}): PluginClient {
  return new PluginClient('p', { roots: [root], limitMs, pausesMs, warn })
}

function noted(message: string): void {
  warnings.push(message)
}

function spec(extension: 'spec' | 'json', text: string): void {
  writeFileSync(path.join(root, 'etc/docker/plugins', `p.${extension}`), text)
}

describe('a call', () => {
  test('is sent as Docker sends it, each over a connection of its own', async () => {
    await plugin.listen(socket())
    await client().activate()
    await client().call('VolumeDriver.Create', { Name: 'data', Opts: { size: '5' } })
    expect(plugin.calls).toEqual([
      { call: 'Plugin.Activate', body: '', headers: headers(0) },
      {
        call: 'VolumeDriver.Create',
        body: '{"Name":"data","Opts":{"size":"5"}}\n',
        headers: headers(36),
      },
    ])
  })

  function headers(length: number): object {
    return {
      accept: 'application/vnd.docker.plugins.v1.2+json',
      connection: 'close',
      'content-length': String(length),
      host: 'plugin.moby.localhost',
    }
  }

  test.each(['status 500 and Err', 'status 200 and Err', 'plain text'] as const)(
    'that is refused by %s is not made again, and says why',
    async (refusal) => {
      plugin.refusal = refusal
      await plugin.listen(socket())
      const refused = client().call('VolumeDriver.Mount', { Name: 'data' })
      await expect(refused).rejects.toThrow(new RefusedError('volume data not found'))
      expect(plugin.calls).toHaveLength(1)
      expect(warnings).toEqual([])
    },
  )

  test('to a plugin that serves something else is refused', async () => {
    plugin.next.push({ text: '{"Implements":["NetworkDriver"]}' })
    await plugin.listen(socket())
    await expect(client().activate()).rejects.toThrow('plugin "p" serves no volumes')
  })
})

describe('a plugin that writes its answers by hand', () => {
  let calls: number
  let server: Server
  afterEach(() => server.close())

  async function answerWith(text: string): Promise<void> {
    calls = 0
    server = createServer((connection) => {
      connection.once('data', () => {
        calls += 1
        connection.end(text)
      })
    })
    await new Promise<void>((resolve) => server.listen(socket(), resolve))
  }

  test.each([
    'HTTP/1.0 200 OK\r\n\r\n{"Mountpoint":"/mnt"}',
    'HTTP/1.1 200 OK\n\n{"Mountpoint":"/mnt"}\n',
    'HTTP/1.1 200 OK\nContent-Length: 21\r\n\n{"Mountpoint":"/mnt"}',
  ])('%j is understood as Go does', async (text) => {
    await answerWith(text)
    const { mountpoint } = await client().call('VolumeDriver.Mount', { Name: 'data' })
    expect(mountpoint).toBe('/mnt')
  })

  test('in something else than HTTP is not asked again, for it has done what it was asked', async () => {
    await answerWith('{"Mountpoint":"/mnt"}\n')
    const odd = client().call('VolumeDriver.Mount', { Name: 'data' })
    await expect(odd).rejects.toThrow(
      /^VolumeDriver.Mount was not answered in HTTP \(.*\), see the log/,
    )
    expect(calls).toBe(1)
    expect(warnings).toEqual([])
  })
})

describe('a plugin that does not answer', () => {
  test('and comes up late gets the whole request', async () => {
    const comesUp = async () => {
      if (warnings.length === 2) await plugin.listen(socket())
    }
    const patient = client({
      pausesMs: [50, 50, 500, 50],
      warn: (message) => {
        noted(message)
        void comesUp()
      },
    })
    await patient.call('VolumeDriver.Create', { Name: 'data', Opts: {} })
    expect(plugin.transcript()).toEqual(['VolumeDriver.Create {"Name":"data","Opts":{}}'])
    expect(warnings).toEqual([
      expect.stringContaining('plugin "p" not found'),
      expect.stringContaining('retrying in 0.05s'),
    ])
  })

  test('on a socket that a crash left is tried until another one listens there', async () => {
    const dead = new SmallPlugin()
    await dead.listen(path.join(root, 'dead.sock'))
    linkSync(path.join(root, 'dead.sock'), socket())
    await dead.close()
    const restarts = async () => {
      rmSync(socket(), { force: true })
      await plugin.listen(socket())
    }
    const patient = client({
      pausesMs: [300, 300],
      warn: (message) => {
        noted(message)
        void restarts()
      },
    })
    await patient.call('VolumeDriver.List', {})
    expect(warnings).toEqual([
      `the plugin at ${socket()} gave no answer (connect ECONNREFUSED ${socket()}), retrying in 0.3s`,
    ])
    expect(plugin.calls).toHaveLength(1)
  })

  test('is given up after the last pause, with the cause', async () => {
    await expect(client().call('Plugin.Activate')).rejects.toThrow('plugin "p" not found')
    expect(warnings).toHaveLength(4)
    spec('spec', 'tcp://127.0.0.1:1')
    await expect(client().call('Plugin.Activate')).rejects.toThrow(
      /the plugin at http:\/\/127.0.0.1:1 gave no answer \(.*ECONNREFUSED/,
    )
  })

  test('is not waited for past half a minute', async () => {
    const hasty = client({ pausesMs: [30_000] })
    await expect(hasty.call('Plugin.Activate')).rejects.toThrow(UnavailableError)
    expect(warnings).toEqual([])
  })

  test('once it has the request, is sent it again with its body', async () => {
    plugin.next.push('break the connection', 'break the connection')
    await plugin.listen(socket())
    await client().call('VolumeDriver.Create', { Name: 'data', Opts: { a: 'b' } })
    const sent = 'VolumeDriver.Create {"Name":"data","Opts":{"a":"b"}}'
    expect(plugin.transcript()).toEqual([sent, sent, sent])
  })

  test('to the end is not asked again, for it has done what it was asked', async () => {
    plugin.next.push('answer half')
    await plugin.listen(socket())
    const half = client().call('VolumeDriver.Mount', { Name: 'data' })
    await expect(half).rejects.toThrow('VolumeDriver.Mount was answered in part only')
    expect(plugin.calls).toHaveLength(1)
  })

  test('in time is given up with a sentence, also between two attempts', async () => {
    plugin.next.push('never answer')
    await plugin.listen(socket())
    const slow = client({ limitMs: 200 }).call('VolumeDriver.Mount', { Name: 'data' })
    await expect(slow).rejects.toThrow(TimeoutError)
    await expect(slow).rejects.toThrow('VolumeDriver.Mount was not answered within 0.2 s')
    await plugin.close()
    const pausing = client({ limitMs: 100, pausesMs: [20_000] }).call('Plugin.Activate')
    await expect(pausing).rejects.toThrow('Plugin.Activate was not answered within 0.1 s')
  })
})

test('a plugin at a port is reached without TLS', async () => {
  const port = await plugin.listen(0)
  spec('json', JSON.stringify({ Addr: `tcp://127.0.0.1:${port}/path`, TLSConfig: {} }))
  await client().activate()
  expect(plugin.calls[0]).toMatchObject({
    call: 'Plugin.Activate',
    headers: { host: `127.0.0.1:${port}` },
  })
})

describe.skipIf(!hasOpenssl)('a plugin behind TLS (openssl)', () => {
  let certificates: Certificates

  async function secure(options: object = {}): Promise<string> {
    const { cert, key } = { cert: certificates.text('p.pem'), key: certificates.text('p.key') }
    plugin = new SmallPlugin({ cert, key, ...options })
    return `https://127.0.0.1:${await plugin.listen(0)}`
  }

  beforeEach(() => {
    certificates = new Certificates(root)
    certificates.issue('p')
    certificates.issue('client')
  })

  test('with a .spec is not verified', async () => {
    spec('spec', await secure())
    await client().activate()
    expect(plugin.calls).toHaveLength(1)
  })

  test('is verified by its CAFile, and by what the system trusts where it has no TLSConfig', async () => {
    const Addr = await secure()
    spec('json', JSON.stringify({ Addr, TLSConfig: { CAFile: certificates.path('ca.pem') } }))
    await client().activate()
    spec('json', JSON.stringify({ Addr }))
    await expect(client().activate()).rejects.toThrow(/gave no answer \(.*certificate/)
    mkdirSync(path.join(root, 'etc/ssl'), { recursive: true })
    writeFileSync(path.join(root, 'etc/ssl/cert.pem'), certificates.text('ca.pem'))
    await client().activate()
    expect(plugin.calls).toHaveLength(2)
  })

  test('whose certificate another authority signed is refused', async () => {
    const Addr = await secure()
    mkdirSync(path.join(root, 'other'))
    const other = new Certificates(path.join(root, 'other'))
    spec('json', JSON.stringify({ Addr, TLSConfig: { CAFile: other.path('ca.pem') } }))
    await expect(client().activate()).rejects.toThrow(UnavailableError)
    expect(plugin.calls).toEqual([])
  })

  test('that asks for a certificate is shown ours', async () => {
    const Addr = await secure({ ca: certificates.text('ca.pem'), requestCert: true })
    const CAFile = certificates.path('ca.pem')
    spec('json', JSON.stringify({ Addr, TLSConfig: { CAFile } }))
    await expect(client().activate()).rejects.toThrow(UnavailableError)
    const [CertFile, KeyFile] = [certificates.path('client.pem'), certificates.path('client.key')]
    spec('json', JSON.stringify({ Addr, TLSConfig: { CAFile, CertFile, KeyFile } }))
    await client().activate()
    expect(plugin.transcript()).toEqual(['Plugin.Activate'])
  })

  test('with a KeyFile that is no key is refused with a sentence', async () => {
    const Addr = await secure()
    const [CAFile, CertFile] = [certificates.path('ca.pem'), certificates.path('client.pem')]
    spec('json', JSON.stringify({ Addr, TLSConfig: { CAFile, CertFile, KeyFile: CAFile } }))
    await expect(client().activate()).rejects.toThrow(
      /^the certificates for the plugin at https:.* cannot be used \(.*\), see its TLSConfig$/,
    )
    expect(warnings).toEqual([])
  })
})
