import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Examined } from '../../../../src/providers/ebs/checks/examined.ts'
import { ebsSettings } from '../../../../src/providers/ebs/config.ts'
import { clinicForEach } from '../../../support/ebs-broken.ts'
import { ForwardProxy } from '../../../support/forward-proxy.ts'

const ROLE = 'arn:aws-cn:iam::123456789012:role/volumes'
const { current } = clinicForEach()

/** A proxy that lets nobody through, and is asked for all that is asked of AWS. */
let proxy: ForwardProxy
beforeEach(async () => {
  proxy = await ForwardProxy.start()
  vi.stubEnv('HTTPS_PROXY', proxy.url)
  vi.stubEnv('NO_PROXY', '')
})
afterEach(() => proxy.close())

/** A file that an environment variable names. */
const file = (variable: string, ...lines: readonly string[]) => {
  const name = path.join(current().simulator.folder, variable)
  writeFileSync(name, lines.join('\n'))
  vi.stubEnv(variable, name)
}

describe('a role is assumed in the region of the instance, as the service does it', () => {
  test.each([
    {
      who: 'of a profile',
      settings: { profile: 'volumes' },
      arrange: () => {
        const key = ['aws_access_key_id = AKIDEXAMPLE', 'aws_secret_access_key = x']
        file('AWS_SHARED_CREDENTIALS_FILE', '[base]', ...key)
        const role = [`role_arn = ${ROLE}`, 'source_profile = base']
        file('AWS_CONFIG_FILE', '[profile volumes]', ...role)
      },
    },
    {
      who: 'of a web identity',
      settings: {},
      arrange: () => {
        file('AWS_WEB_IDENTITY_TOKEN_FILE', 'token')
        vi.stubEnv('AWS_ROLE_ARN', ROLE)
      },
    },
    {
      who: 'that is configured',
      settings: { roleARN: ROLE, accessKey: 'AKIDEXAMPLE', secretKey: 'x' },
      arrange: () => {},
    },
  ])('one $who', async ({ settings, arrange }) => {
    arrange()
    const place = { region: 'cn-north-1', availabilityZone: 'cn-north-1a' }
    const parsed = ebsSettings.parse({ ...place, instanceId: current().machine.id, ...settings })
    const examined = new Examined(parsed, { sysfs: '/nonexistent', answerMs: 5_000 })
    await expect(examined.credentials()).rejects.toThrow()
    expect([...new Set(proxy.requests)]).toEqual(['CONNECT sts.cn-north-1.amazonaws.com.cn:443'])
  })
})
