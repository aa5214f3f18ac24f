import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Certificates, hasOpenssl } from '../support/certificates.ts'
import { bundleChild } from '../support/child-process.ts'
import { pluginConfig } from '../support/docker-plugin.ts'
import { EbsWorld } from '../support/ebs-world.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'plugin-requests-'))
const environment = new URL('../../docker-plugin/environment', import.meta.url).pathname
let child: string
beforeAll(async () => {
  child = await bundleChild('plugin-settings-child.ts', folder)
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

let world: EbsWorld
let proxy: NotingProxy
beforeEach(async () => {
  world = await EbsWorld.open()
  proxy = await NotingProxy.start()
  const { driver } = await world.provider()
  await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
})
afterEach(async () => {
  await proxy.close()
  await world.close()
})

/** What a plugin of which these settings are changed has to say of its volumes. */
async function volumesSeen(changed: Readonly<Record<string, string>>): Promise<string> {
  const usual = pluginConfig.env.map(({ name, value }) => [name, value])
  const settings = {
    ...Object.fromEntries(usual),
    EBS_ACCESSKEY: 'AKIDEXAMPLE',
    EBS_SECRETKEY: 'secret',
    EBS_ENDPOINT: world.simulator.endpoint,
    EBS_METADATAENDPOINT: world.here.metadata.endpoint,
    EBS_MAXRETRIES: '0',
    ...changed,
  }
  const unknown = Object.keys(changed).filter(
    (name) => !pluginConfig.env.some((setting) => setting.name === name),
  )
  expect(unknown).toEqual([])
  const args = [child, environment, folder]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: settings })
  return stdout.trim()
}

test('HTTP_PROXY: requests to EC2 go through it, and what is asked of the metadata service never does', async () => {
  expect(await volumesSeen({ HTTP_PROXY: proxy.url })).toBe('data')
  const { host } = new URL(world.simulator.endpoint)
  expect(new Set(proxy.asked)).toEqual(new Set([`POST ${host}`]))
  expect(world.here.metadata.requests.length).toBeGreaterThan(0)
})

test('HTTP_PROXY: where it does not answer, EC2 is not asked past it', async () => {
  world.simulator.takeCounts()
  await proxy.close()
  expect(await volumesSeen({ HTTP_PROXY: proxy.url })).toMatch(/ECONNREFUSED/)
  expect(world.simulator.takeCounts()).toEqual({})
})

test('NO_PROXY: what it names is asked without the proxy', async () => {
  const settings = { HTTP_PROXY: proxy.url, NO_PROXY: 'localhost,127.0.0.1' }
  expect(await volumesSeen(settings)).toBe('data')
  expect(proxy.asked).toEqual([])
})

describe.skipIf(!hasOpenssl)('over TLS', () => {
  let server: Server
  let authority: string
  let endpoint: string
  beforeEach(async () => {
    const certificates = new Certificates(folder)
    certificates.issue('ec2', 'DNS:localhost')
    authority = certificates.path('ca.pem')
    const identity = { key: certificates.text('ec2.key'), cert: certificates.text('ec2.pem') }
    const { port } = new URL(world.simulator.endpoint)
    server = createTlsServer(identity, (asked, reply) => pass(asked, reply, Number(port)))
    endpoint = `https://localhost:${await listening(server)}`
  })
  afterEach(() => closed(server))

  test('NODE_EXTRA_CA_CERTS: an authority of the user is trusted, and without it none but the usual', async () => {
    const settings = { EBS_ENDPOINT: endpoint }
    expect(await volumesSeen({ ...settings, NODE_EXTRA_CA_CERTS: authority })).toBe('data')
    expect(await volumesSeen(settings)).toMatch(/certificate/)
  })

  test('HTTPS_PROXY: requests over TLS go through it, those over HTTP do not', async () => {
    const settings = { HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: authority }
    expect(await volumesSeen({ ...settings, EBS_ENDPOINT: endpoint })).toBe('data')
    expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${new URL(endpoint).host}`]))
    proxy.asked.length = 0
    expect(await volumesSeen(settings)).toBe('data')
    expect(proxy.asked).toEqual([])
  })
})

type Pass = Parameters<typeof createServer>[1]

/** Hands a request on to a server of this machine, with its answer back. */
function pass(
  asked: Parameters<NonNullable<Pass>>[0],
  reply: Parameters<NonNullable<Pass>>[1],
  port: number,
): void {
  const { method, headers, url = '/' } = asked
  const { pathname, search } = new URL(url, 'http://127.0.0.1')
  const onward = request(
    { host: '127.0.0.1', port, method, headers, path: pathname + search },
    (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(reply)
    },
  )
  asked.pipe(onward)
}

/** A proxy for HTTP and for tunnels, which notes what it is asked for. */
class NotingProxy {
  readonly asked: string[] = []
  readonly #server: Server
  readonly url: string

  private constructor(server: Server, port: number) {
    this.#server = server
    this.url = `http://127.0.0.1:${port}`
  }

  static async start(): Promise<NotingProxy> {
    const server = createServer((asked, reply) => {
      const { host, port } = new URL(asked.url ?? '')
      proxy.asked.push(`${asked.method} ${host}`)
      pass(asked, reply, Number(port))
    })
    server.on('connect', ({ url = '' }, socket) => {
      proxy.asked.push(`CONNECT ${url}`)
      const onward = connect(Number(new URL(`http://${url}`).port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        onward.pipe(socket).pipe(onward)
      })
      onward.on('error', () => socket.destroy())
      socket.on('error', () => onward.destroy())
    })
    const proxy = new NotingProxy(server, await listening(server))
    return proxy
  }

  close(): Promise<void> {
    return closed(this.#server)
  }
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => void server.close(() => resolve()))
}
