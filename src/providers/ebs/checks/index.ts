import type { Check } from '../../../libstorage/check.ts'
import type { PlatformUse, PolicyAdvice } from '../../definition.ts'
import type { EbsSettings } from '../config.ts'
import { partitionOf } from '../partition.ts'
import { callerCheck, credentialsCheck } from './credentials.ts'
import { endpointChecks } from './endpoint.ts'
import { type EbsSurroundings, Examined } from './examined.ts'
import { saidBy } from './findings.ts'
import { identityCheck } from './identity.ts'
import { attachmentsCheck, instanceCheck } from './instance.ts'
import { keyOf, keysCheck } from './keys.ts'
import { metadataCheck } from './metadata.ts'
import { needsOf } from './needs.ts'
import { permissionsCheck } from './permissions.ts'
import { policyFor } from './policy.ts'
import { ownVolumes, volumesCheck } from './volumes.ts'

/** Answers come within a second where all is well, and doctor gives each check five. */
const ON_AWS: EbsSurroundings = { sysfs: '/sys', answerMs: 3_000 }

/** What `doctor` looks at for a service of EBS: from this machine to the way to EC2, the caller, and what it may do. */
export function ebsChecks(
  settings: EbsSettings,
  use: PlatformUse,
  surroundings: EbsSurroundings = ON_AWS,
): readonly Check[] {
  const examined = new Examined(settings, surroundings)
  return [
    metadataCheck(examined),
    identityCheck(examined),
    ...endpointChecks(examined),
    credentialsCheck(examined),
    callerCheck(examined),
    instanceCheck(examined),
    volumesCheck(examined),
    permissionsCheck(examined, needsOf(use)),
    keysCheck(examined),
    attachmentsCheck(examined),
  ]
}

/** The policies that a service needs, and which of them fits the volumes that are there, as far as these can be seen. */
export async function ebsPolicy(
  settings: EbsSettings,
  use: PlatformUse,
  surroundings: EbsSurroundings = ON_AWS,
): Promise<PolicyAdvice> {
  const examined = new Examined(settings, surroundings)
  const [seen, key, own] = await Promise.all([
    examined.volumes().catch((error: unknown) => saidBy(error)),
    keyOf(examined),
    examined.own().catch(() => undefined),
  ])
  const { region = settings.region ?? '', instanceId } = own ?? {}
  const volumes = typeof seen === 'string' ? seen : ownVolumes(examined, seen)
  const used = 'verdict' in key ? undefined : { id: key.id, region }
  return policyFor(volumes, { ...use, instanceId, partition: partitionOf(region), key: used })
}
