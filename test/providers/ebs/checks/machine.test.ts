import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import path from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ebsSettings } from '../../../../src/providers/ebs/config.ts'
import { whereEc2Is } from '../../../../src/providers/ebs/where.ts'
import { ALL_SET, type Broken, clinicForEach, testBroken } from '../../../support/ebs-broken.ts'
import { linesOf } from '../../../support/ebs-clinic.ts'

const silent: Server[] = []
afterEach(() => {
  vi.unstubAllEnvs()
  for (const server of silent.splice(0)) server.close()
})
/** Takes connections, and says nothing to anybody. */
const hangingEndpoint = async () => {
  const server = createServer(() => {})
  silent.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

const BROKEN: readonly Broken[] = [
  {
    title: 'the metadata service is blocked',
    arrange: ({ machine }) => {
      machine.metadata.options.isSilent = true
      return undefined
    },
    says: /^ebs.metadata: the metadata service at \S+ does not answer: it is blocked by a firewall/,
    remedy: /set ebs.region and ebs.instanceId/,
  },
  {
    title: 'the metadata service is switched off',
    arrange: ({ machine }) => {
      machine.metadata.options.isEnabled = false
      return undefined
    },
    says: /^ebs.metadata: .* is switched off for this instance \(status 403\)/,
    remedy: /--http-endpoint enabled/,
  },
  {
    title: 'a hop limit of 1 keeps the token from a container',
    arrange: ({ machine }) => {
      machine.metadata.options.tokenPath = 'silent'
      return undefined
    },
    says: /^ebs.metadata: .* gives no token, though it is there: its hop limit is too small/,
    remedy: /--http-put-response-hop-limit 2/,
  },
  {
    title: 'the metadata service knows version 1 alone',
    arrange: ({ machine }) => {
      Object.assign(machine.metadata.options, { tokenPath: 404, tokens: 'optional' })
      return undefined
    },
    says: /^ebs.metadata: .* answers by version 1 alone/,
    remedy: /--http-tokens required/,
    works: true,
  },
  {
    title: 'the metadata service has no instance',
    arrange: ({ machine }) => {
      machine.metadata.options.tokenPath = 404
      return undefined
    },
    says: /^ebs.metadata: .* has no instance to tell of \(status 401\)/,
  },
  {
    title: 'the region is another one than that of the instance',
    arrange: ({ machine }) => ({ ...ALL_SET, region: 'eu-west-1', instanceId: machine.id }),
    says: /^ebs.identity: ebs.region is eu-west-1, but this instance is us-east-1/,
    remedy: /set ebs.region to us-east-1/,
  },
  {
    title: 'the region is another one, and the metadata go first',
    arrange: () => ({ region: 'eu-west-1' }),
    says: /^ebs.identity: ebs.region is eu-west-1, but this instance is in us-east-1, which is what counts/,
    remedy: /set ebs.region to us-east-1/,
    works: true,
  },
  {
    title: 'the region is a wrong one, and the metadata cannot contradict',
    arrange: ({ machine }) => {
      machine.metadata.options.isSilent = true
      return { region: 'eu-west-1', availabilityZone: 'eu-west-1a', instanceId: machine.id }
    },
    says: /^ebs.instance: EC2 at http\S+ is not that of region eu-west-1/,
    remedy: /set ebs.region/,
  },
  {
    title: 'the zone is not of the region',
    arrange: ({ machine }) => {
      machine.metadata.options.isSilent = true
      return { ...ALL_SET, availabilityZone: 'eu-west-1a', instanceId: machine.id }
    },
    says: /^ebs.identity: zone eu-west-1a is not one of region us-east-1/,
  },
  {
    title: 'the zone is another one of the region',
    arrange: ({ machine }) => {
      machine.metadata.options.isSilent = true
      return { ...ALL_SET, availabilityZone: 'us-east-1b', instanceId: machine.id }
    },
    says: /^ebs.instance: ebs.availabilityZone is us-east-1b, but i-\S+ is in us-east-1a/,
  },
  {
    title: 'the instance is another machine',
    arrange: ({ world }) => ({ instanceId: world.there.id }),
    says: /^ebs.identity: ebs.instanceId is i-\S+, but this machine is i-\S+$/,
    remedy: /^take it out of the configuration/,
  },
  {
    title: 'the instance is of another account',
    arrange: ({ machine }) => {
      machine.metadata.options.isSilent = true
      return { ...ALL_SET, instanceId: 'i-0aaaaaaaaaaaaaaaa' }
    },
    says: /^ebs.instance: EC2 shows no instance i-0aaaaaaaaaaaaaaaa to this caller in us-east-1/,
  },
  {
    title: 'nothing listens at the endpoint',
    arrange: () => ({ endpoint: 'http://127.0.0.1:1' }),
    says: /^ebs.endpoint: http:\/\/127.0.0.1:1 cannot be reached: .*ECONNREFUSED/,
    remedy: /VPC endpoint of ec2/,
  },
  {
    title: 'the endpoint hangs',
    arrange: async () => ({ endpoint: await hangingEndpoint() }),
    says: /^ebs.endpoint: http\S+ cannot be reached: EC2 did not answer within 1.5 s/,
  },
  {
    title: 'EC2 hangs when it is asked for volumes',
    arrange: ({ simulator }) => {
      simulator.faults.always('DescribeVolumes', { kind: 'hang' })
      return undefined
    },
    says: /^ebs.volumes: ec2:DescribeVolumes failed: EC2 did not answer within 1.5 s/,
  },
  {
    title: 'the clock is wrong',
    arrange: ({ simulator }) => {
      simulator.region.skewMs = 600_000
      return undefined
    },
    says: /^ebs.clock: the clock of this machine is (59\d|60\d) s behind that of EC2, and AWS refuses/,
    remedy: /timedatectl set-ntp true/,
  },
  {
    title: 'the clock is a little wrong',
    arrange: ({ simulator }) => {
      simulator.region.skewMs = -90_000
      return undefined
    },
    says: /^ebs.clock: the clock of this machine is (8\d|9\d) s ahead of that of EC2/,
    works: true,
  },
]

describe('where the machine or the way to EC2 is broken', () => {
  const { current } = clinicForEach()
  testBroken(BROKEN, current)
})

describe('a machine that is known without its metadata', () => {
  const { current } = clinicForEach()

  test('needs none, be it that the firmware says which instance it is', async () => {
    const { machine } = current()
    machine.metadata.options.isSilent = true
    const tag = path.join(machine.disks.sysfs.root, 'devices/virtual/dmi/id/board_asset_tag')
    mkdirSync(path.dirname(tag), { recursive: true })
    writeFileSync(tag, `${machine.id}\n`)
    const results = await current().examine(ALL_SET)
    expect(linesOf(results, 'fail')).toEqual([])
    expect(linesOf(results, 'pass')).toContain(
      `ebs.identity: region us-east-1 (configured), zone us-east-1a (configured), instance ${machine.id} (firmware)`,
    )
  })
})

describe('a machine whose zone EC2 says', () => {
  const { current } = clinicForEach()
  const settings = () => {
    current().machine.metadata.options.isSilent = true
    return { region: 'us-east-1', instanceId: current().machine.id }
  }

  test('needs no metadata', async () => {
    const results = await current().examine(settings())
    expect(linesOf(results, 'fail')).toEqual([])
    const passed = linesOf(results, 'pass')
    expect(passed).toContain(
      `ebs.identity: region us-east-1 (configured), zone as EC2 says it, instance ${current().machine.id} (configured)`,
    )
    expect(passed[0]).toMatch(/^ebs.metadata: .* not needed, .* and EC2 says the zone$/)
    expect(passed).toContain(
      'ebs.volumes: volumes with a name in us-east-1: 0, made by Remora: 0, in us-east-1a: 0',
    )
  })

  test('is told what to allow where EC2 may not be asked', async () => {
    current().simulator.region.denied.add('DescribeInstances')
    const [line, ...others] = linesOf(await current().examine(settings()), 'fail')
    expect(line).toMatch(/^ebs.instance: ec2:DescribeInstances is denied/)
    for (const one of others) expect(one).toMatch(/^ebs.permissions: ec2:DescribeInstances /)
  })

  test('is the first to be looked at where EC2 cannot be reached', async () => {
    const unreachable = { ...settings(), endpoint: 'http://127.0.0.1:1' }
    const [line] = linesOf(await current().examine(unreachable), 'fail')
    expect(line).toMatch(/^ebs.endpoint: .* cannot be reached/)
  })
})

test.each([
  [{}, 'eu-west-1', 'https://ec2.eu-west-1.amazonaws.com'],
  [{}, 'cn-north-1', 'https://ec2.cn-north-1.amazonaws.com.cn'],
  [{ endpoint: 'https://vpce-1.example:8443' }, 'eu-west-1', 'https://vpce-1.example:8443'],
])('with %j requests for %s go to %s', async (settings, region, url) => {
  expect(await whereEc2Is(ebsSettings.parse(settings), region)).toBe(url)
})

test('an endpoint of the environment counts', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL_EC2', 'http://127.0.0.1:4566')
  expect(await whereEc2Is(ebsSettings.parse({}), 'eu-west-1')).toBe('http://127.0.0.1:4566')
})
