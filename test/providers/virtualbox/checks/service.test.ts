import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Certificates, hasOpenssl } from '../../../support/certificates.ts'
import { type Broken, testBroken } from '../../../support/virtualbox-broken.ts'
import { linesOf, VirtualboxClinic } from '../../../support/virtualbox-clinic.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

/** Something on the host that answers this to everything, or nothing. */
async function answering(body: string | undefined): Promise<string> {
  server = createServer((request, response) => {
    request.resume()
    if (body !== undefined) response.end(body)
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const ME = { name: 'me', password: 'right' }

const SERVICE: readonly Broken[] = [
  {
    title: 'vboxwebsrv does not run',
    arrange: () => ({ endpoint: 'http://127.0.0.1:9' }),
    says: /^virtualbox.service: the VirtualBox web service at http:\/\/127.0.0.1:9 cannot be reached .*ECONNREFUSED/,
    remedy: /^vboxwebsrv -H 127.0.0.1 -p 9 --background/,
  },
  {
    title: 'its host has no address',
    arrange: () => ({ endpoint: 'http://nowhere.invalid:18083' }),
    says: /^virtualbox.service: .*nowhere.invalid:18083 cannot be reached .*(ENOTFOUND|EAI_AGAIN)/,
    remedy: /correct virtualbox.endpoint/,
  },
  {
    title: 'it takes connections and answers nobody',
    arrange: async (one) => {
      one.answerMs = 200
      return { endpoint: await answering(undefined) }
    },
    says: /^virtualbox.service: .* did not answer within 0.2 s/,
    remedy: /restart it there/,
  },
  {
    title: 'another program listens there',
    arrange: async () => ({ endpoint: await answering('<html>It works!</html>') }),
    says: /^virtualbox.service: .* answered with what is no SOAP \(<html>It works/,
    remedy: /virtualbox.endpoint and virtualbox.tls name a vboxwebsrv/,
  },
  {
    title: 'TLS is set and it speaks none',
    arrange: () => ({ tls: true }),
    says: /^virtualbox.service: .*https:\S+ (speaks another protocol|cannot be reached)/,
    remedy: /virtualbox.tls says what vboxwebsrv was started with/,
  },
  {
    title: 'the file of certificates is not there',
    arrange: () => ({ endpoint: 'https://127.0.0.1:9', caFile: '/nowhere.pem' }),
    says: /^virtualbox.service: virtualbox.caFile \/nowhere.pem cannot be read \(ENOENT\)/,
    remedy: /name a PEM file that is there/,
  },
  {
    title: 'the password is wrong',
    options: { user: ME },
    arrange: () => ({ userName: 'me', password: 'wrong-secret' }),
    says: /^virtualbox.logon: .* refused the logon of me$/,
    remedy: /^correct virtualbox.userName and virtualbox.password\n.*websrvauthlibrary null/,
  },
  {
    title: 'nobody is named and it wants to know who asks',
    options: { user: ME },
    says: /^virtualbox.logon: .* refused the logon without a user name/,
    remedy: /correct virtualbox.userName/,
  },
  {
    title: 'it has lost VBoxSVC',
    arrange: (one) => {
      one.world.host.died = 'killed'
      return {}
    },
    says: /^virtualbox.logon: .* has lost VBoxSVC/,
    remedy: /restart vboxwebsrv/,
  },
  {
    title: 'VirtualBox is older than what is supported',
    options: { version: '4_3' },
    says: /^virtualbox.version: VirtualBox 4.3.22 is older than 5.0/,
    remedy: /install VirtualBox 5.0 or newer/,
  },
  {
    title: 'VirtualBox is newer than what is known',
    options: { version: '8_0' },
    says: /^virtualbox.version: VirtualBox 8.0.22 is newer than 7.2/,
    remedy: /newer version of this program/,
    works: true,
  },
]

describe('where the web service is broken', () => testBroken(SERVICE))

test.skipIf(!hasOpenssl)(
  'a certificate that is not trusted is named, and a trusted one is none',
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'remora-tls-'))
    let clinic: VirtualboxClinic | undefined
    try {
      const certificates = new Certificates(folder)
      certificates.issue('server')
      const text = (file: string) => readFileSync(certificates.path(file), 'utf8')
      clinic = new VirtualboxClinic({ tls: { key: text('server.key'), cert: text('server.pem') } })
      expect(linesOf(await clinic.examine(), 'fail')).toEqual([
        expect.stringMatching(/^virtualbox.service: .* has a certificate that is not trusted/),
      ])
      const trusted = await clinic.examine({ caFile: certificates.path('ca.pem') })
      expect(linesOf(trusted, 'fail')).toEqual([])
    } finally {
      await clinic?.close()
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
