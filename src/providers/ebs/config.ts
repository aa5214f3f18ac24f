import * as z from 'zod'
import { parseDuration } from '../../libstorage/duration.ts'
import type { ProviderDefinition } from '../definition.ts'

const text = (description: string) => z.string().min(1).optional().describe(description)
const secret = (description: string) => text(description).meta({ description, secret: true })

const duration = (byDefault: string, description: string) =>
  z
    .string()
    .default(byDefault)
    .transform((value, context) => {
      const ms = parseDuration(value)
      if (ms !== undefined) return ms
      context.addIssue({ code: 'custom', message: 'use a duration such as 500ms, 2s or 2m' })
      return z.NEVER
    })
    .describe(description)

/** The keys beneath `ebs.`: REX-Ray's, and below them what is new. */
export const ebsSettings = z.object({
  accessKey: text('the access key; without one the environment, shared files or the instance role'),
  secretKey: secret('the secret of the access key'),
  region: text('the region, where the instance itself cannot tell; its own one goes first'),
  endpoint: text(
    'the URL of EC2, such as that of a VPC endpoint; by default the one of the region',
  ),
  maxRetries: z
    .number()
    .int()
    .min(0)
    .default(10)
    .describe(
      'how often a request that EC2 did not carry out is repeated; what it throttles, for 100 s',
    ),
  tag: text('volumes are named <tag>/<name> in their Name tag, and only those are seen'),
  rexrayTag: text('only volumes whose tag rexraySet has this value are seen, and new ones get it'),
  perZoneNames: z
    .boolean()
    .default(false)
    .describe('whether a name may exist once in each zone, as with REX-Ray'),
  kmsKeyID: text('the KMS key of encrypted volumes for which none is named'),
  statusTimeout: duration('2m', 'how long a volume may take to change its state'),
  statusMaxAttempts: z
    .number()
    .int()
    .min(1)
    .default(10)
    .describe('accepted for REX-Ray; how long is waited says statusTimeout alone'),
  statusInitialDelay: duration(
    '100ms',
    'accepted for REX-Ray; the pauses follow what EC2 usually takes',
  ),
  useLargeDeviceRange: z
    .boolean()
    .default(false)
    .describe('accepted for REX-Ray; the large range is always used'),
  nvmeBinPath: text('accepted for REX-Ray; no such tool is needed'),
  sessionToken: secret('the token of a temporary access key'),
  profile: text('the profile of the shared configuration files'),
  roleARN: text('the role that is assumed by means of the credentials'),
  availabilityZone: text('the zone, where the instance itself cannot tell'),
  instanceId: text('the id of this instance, where it cannot tell'),
  metadataEndpoint: z
    .url({ error: 'must be a URL such as http://169.254.169.254' })
    .default('http://169.254.169.254')
    .describe('the URL of the instance metadata service'),
})

/** The settings of one service, parsed. */
export type EbsSettings = z.infer<typeof ebsSettings>

/** Volumes of Amazon EBS on an EC2 instance. */
export const ebsDefinition: ProviderDefinition = {
  name: 'ebs',
  aliases: ['aws', 'ec2'],
  settings: ebsSettings,

  async unavailable() {
    return process.getuid?.() === 0 ? undefined : 'needs root'
  },

  async create(settings, context) {
    const { createEbsProvider } = await import('./index.ts')
    // Parsed once already: a duration that was turned into milliseconds is no duration any more.
    return createEbsProvider(settings as EbsSettings, context)
  },

  async checks(settings, _context, use) {
    const { ebsChecks } = await import('./checks/index.ts')
    return ebsChecks(settings as EbsSettings, use)
  },

  async policy(settings, use) {
    const { ebsPolicy } = await import('./checks/index.ts')
    return await ebsPolicy(settings as EbsSettings, use)
  },
}
