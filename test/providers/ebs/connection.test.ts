import { type AddressInfo, connect, createServer as createPlainServer, type Server } from 'node:net'
import { createServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { UnavailableError } from '../../../src/libstorage/errors.ts'
import type { EbsSettings } from '../../../src/providers/ebs/config.ts'
import { Certificates, hasOpenssl } from '../../support/certificates.ts'
import { changeInstance, clinicForEach, ownSnapshot } from '../../support/ebs-broken.ts'
import { ACCESS_KEY, PRINTED, policy, SECRET_KEY } from '../../support/ebs-clinic.ts'
import { Ec2Simulator } from '../../support/ec2/simulator.ts'
import { eventually } from '../../support/eventually.ts'
import { ForwardProxy } from '../../support/forward-proxy.ts'
import type { Principal } from '../../support/iam/account.ts'

const VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY']
const EC2 = 'ec2.us-east-1.amazonaws.com:443'
const FAR = 'ec2.eu-west-1.amazonaws.com:443'
const STS = 'sts.us-east-1.amazonaws.com:443'
const ROLE: Principal = { kind: 'role', name: 'volumes', path: '/', policies: [PRINTED] }

const { current } = clinicForEach()
let proxy: ForwardProxy
const fronts: Server[] = []
beforeEach(async () => {
  proxy = await ForwardProxy.start()
  for (const name of VARIABLES.flatMap((one) => [one, one.toLowerCase()]))
    vi.stubEnv(name, undefined)
})
afterEach(async () => {
  for (const front of fronts.splice(0)) front.close()
  await proxy.close()
})

const driver = async (settings: Partial<Record<keyof EbsSettings, unknown>> = {}) => {
  const { world, machine } = current()
  const key = { accessKey: ACCESS_KEY, secretKey: SECRET_KEY }
  return (await world.provider(machine, { ...key, ...settings })).driver
}
const hostOf = (url: string) => new URL(url).host

/** Lets tunnels to a service of AWS lead to what stands for it here, by TLS. */
async function standFor(service: string, endpoint: string, certificates: Certificates) {
  const identity = { key: certificates.text('aws.key'), cert: certificates.text('aws.pem') }
  const front = createServer(identity, (socket) => {
    const there = connect(Number(new URL(endpoint).port), '127.0.0.1')
    for (const one of [socket, there]) one.on('error', () => one.destroy())
    there.pipe(socket).pipe(there)
  })
  fronts.push(front)
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  const address = front.address()
  proxy.tunnels.set(service, typeof address === 'object' ? (address?.port ?? 0) : 0)
}
const certificates = () => {
  // What stands for AWS here is nobody's.
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
  const made = new Certificates(current().simulator.folder)
  made.issue('aws')
  return made
}

describe('through a proxy', () => {
  test.each(['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'])(
    'EC2 is asked that %s names, and the metadata service never',
    async (name) => {
      const { simulator, machine, account } = current()
      account.principals.set(ROLE.name, ROLE)
      changeInstance(current(), { profile: 'fleet' })
      const { id, expiresAt = new Date(), ...session } = account.session(ROLE)
      machine.metadata.credentials = { ...session, role: ROLE.name, accessKeyId: id, expiresAt }
      vi.stubEnv(name, proxy.url)
      const asRole = await driver({ accessKey: undefined, secretKey: undefined })
      expect(await asRole.volumes()).toEqual([])
      expect(proxy.requests).toEqual([`POST ${hostOf(simulator.endpoint)}`])
      expect(machine.metadata.requests).toContain(
        'GET /latest/meta-data/iam/security-credentials/volumes',
      )
    },
  )

  test.each(['127.0.0.1', '*'])('EC2 is not asked that NO_PROXY=%s excepts', async (excepted) => {
    vi.stubEnv('HTTP_PROXY', proxy.url)
    vi.stubEnv('NO_PROXY', excepted)
    expect(await (await driver()).volumes()).toEqual([])
    expect(proxy.requests).toEqual([])
  })

  test('EC2 and STS are not asked that are elsewhere by the environment, and that NO_PROXY excepts there', async () => {
    const { account, iam, simulator } = current()
    account.principals.set(ROLE.name, ROLE)
    const roleARN = account.arnOf(ROLE)
    current().allow([
      policy('assume', { Effect: 'Allow', Action: ['sts:AssumeRole'], Resource: roleARN }),
    ])
    vi.stubEnv('AWS_ENDPOINT_URL_EC2', simulator.endpoint)
    vi.stubEnv('AWS_ENDPOINT_URL_STS', iam.endpoint)
    vi.stubEnv('NO_PROXY', '127.0.0.1')
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY']) vi.stubEnv(name, proxy.url)
    expect(await (await driver({ roleARN, endpoint: undefined })).volumes()).toEqual([])
    expect(proxy.requests).toEqual([])
  })

  test('EC2 is asked that is elsewhere by the environment', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_EC2', current().simulator.endpoint)
    vi.stubEnv('NO_PROXY', 'ec2.us-east-1.amazonaws.com')
    vi.stubEnv('HTTP_PROXY', proxy.url)
    expect(await (await driver({ endpoint: undefined })).volumes()).toEqual([])
    expect(proxy.requests).toEqual([`POST ${hostOf(current().simulator.endpoint)}`])
  })

  test('EC2 is not asked that is for other URLs', async () => {
    vi.stubEnv('HTTPS_PROXY', proxy.url)
    expect(await (await driver()).volumes()).toEqual([])
    expect(proxy.requests).toEqual([])
  })

  test.skipIf(!hasOpenssl)('the EC2 of the region is asked by a tunnel', async () => {
    await standFor(EC2, current().simulator.endpoint, certificates())
    vi.stubEnv('HTTPS_PROXY', proxy.url)
    expect(await (await driver({ endpoint: undefined })).volumes()).toEqual([])
    expect(proxy.requests).toEqual([`CONNECT ${EC2}`])
  })

  test.skipIf(!hasOpenssl)('so is that of another region, for copies there', async () => {
    const { simulator } = current()
    await ownSnapshot(current())
    const [{ id } = { id: '' }] = simulator.region.snapshots.all()
    const far = await Ec2Simulator.start({ region: 'eu-west-1', factor: 0.005 })
    try {
      far.region.others.set('us-east-1', simulator.region)
      await eventually(() => expect(simulator.region.snapshots.get(id)?.state).toBe('completed'))
      const made = certificates()
      await standFor(EC2, simulator.endpoint, made)
      await standFor(FAR, far.endpoint, made)
      vi.stubEnv('HTTPS_PROXY', proxy.url)
      const { snapshots } = await driver({ endpoint: undefined })
      const wanted = { name: 'keep', labels: {}, region: 'eu-west-1' }
      expect(await snapshots?.copy?.(id, wanted)).toMatchObject({ copyOf: id })
      expect(far.region.snapshots.all()).toHaveLength(1)
      expect([...new Set(proxy.requests)]).toEqual([`CONNECT ${EC2}`, `CONNECT ${FAR}`])
    } finally {
      await far.close()
    }
  })

  test.skipIf(!hasOpenssl)('STS is asked too where a role is assumed', async () => {
    const { account, iam, simulator } = current()
    account.principals.set(ROLE.name, ROLE)
    const roleARN = account.arnOf(ROLE)
    current().allow([
      policy('assume', { Effect: 'Allow', Action: ['sts:AssumeRole'], Resource: roleARN }),
    ])
    await standFor(STS, iam.endpoint, certificates())
    vi.stubEnv('HTTPS_PROXY', proxy.url)
    expect(await (await driver({ roleARN, endpoint: simulator.endpoint })).volumes()).toEqual([])
    expect(proxy.requests).toEqual([`CONNECT ${STS}`])
  })
})

describe('a proxy that does not let EC2 be asked', () => {
  test('is said where nothing listens there', async () => {
    vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:1')
    const refused = (await driver({ maxRetries: 0 })).volumes()
    await expect(refused).rejects.toThrow(UnavailableError)
    await expect(refused).rejects.toThrow('ECONNREFUSED 127.0.0.1:1')
  })

  test.each([403, 407])('is said where it answers %d', async (status) => {
    proxy.refusal = status
    vi.stubEnv('HTTP_PROXY', proxy.url)
    const refused = (await driver({ maxRetries: 0 })).volumes()
    await expect(refused).rejects.toThrow(UnavailableError)
    await expect(refused).rejects.toThrow(String(status))
  })

  test.each([403, 407])('is said where it makes no tunnel (%d)', async (status) => {
    proxy.refusal = status
    vi.stubEnv('HTTPS_PROXY', proxy.url)
    const refused = (await driver({ maxRetries: 0, endpoint: undefined })).volumes()
    await expect(refused).rejects.toThrow(UnavailableError)
    await expect(refused).rejects.toThrow(String(status))
  })
})

describe('the way to EC2', () => {
  test('through a proxy that hangs up instead of making a tunnel is an outage', async () => {
    const hanging = createPlainServer((socket) => socket.once('data', () => socket.end()))
    fronts.push(hanging)
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`)
    const refused = (await driver({ maxRetries: 0, endpoint: undefined })).volumes()
    await expect(refused).rejects.toThrow(UnavailableError)
    await expect(refused).rejects.toThrow('CONNECT')
  })

  test.skipIf(!hasOpenssl)(
    'to a certificate that is not trusted is an outage, with the way to trust it',
    async () => {
      const made = new Certificates(current().simulator.folder)
      made.issue('aws')
      await standFor(EC2, current().simulator.endpoint, made)
      vi.stubEnv('HTTPS_PROXY', proxy.url)
      const refused = (await driver({ maxRetries: 0, endpoint: undefined })).volumes()
      await expect(refused).rejects.toThrow(UnavailableError)
      await expect(refused).rejects.toThrow(/certificate.*NODE_EXTRA_CA_CERTS/)
    },
  )
})
