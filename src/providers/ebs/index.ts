import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Provider } from '../../libstorage/storage-driver.ts'
import type { ProviderContext } from '../definition.ts'
import { BlockDevices } from './block-devices.ts'
import type { EbsSettings } from './config.ts'
import { connectEc2, type OtherRegion } from './connection.ts'
import { requireWholeKey } from './credentials.ts'
import { decodeBySts, explainDenials } from './denials.ts'
import { DeviceNames } from './device-names.ts'
import { EbsDriver } from './driver.ts'
import { Ec2 } from './ec2.ts'
import { EbsExecutor } from './executor.ts'
import { HotPlug, MISSING_MS } from './hot-plug.ts'
import { MachineIdentity } from './identity.ts'
import { MetadataService } from './imds.ts'
import { ownPlacement } from './instances.ts'
import { VolumeLookUps } from './look-ups.ts'
import { otherRegions } from './regions.ts'
import { ThisInstance } from './this-instance.ts'
import { TokenMemory } from './token-memory.ts'
import { UsualTime } from './usual-time.ts'
import { XenDisks } from './xen-disks.ts'

/** Where the kernel shows its devices, and how fast the platform is: other ones only where there is no EC2. */
export interface EbsMachine {
  readonly sysfs: string
  readonly dev: string
  /** What all pauses are multiplied by. */
  readonly pace: number
  /** How long a disk is waited for before EC2 is asked whether the kernel has missed it, in milliseconds. */
  readonly missingMs?: number
  /** The URLs of EC2 in other regions. */
  readonly endpoints?: Readonly<Record<string, string>>
}

/** Older ids have 8 digits, newer ones 17. */
const ID_FORM = /^vol-[0-9a-f]{8,17}$/
const WISHES = [
  'zone',
  'type',
  'iops',
  'throughput',
  'encrypted',
  'encryptionKey',
  'source',
  'tags',
] as const
const EC2_INSTANCE: EbsMachine = { sysfs: '/sys', dev: '/dev', pace: 1 }

/**
 * Serves volumes of EBS. Asks nobody yet: a metadata service that does not answer holds up no start. Rejects with
 * `InvalidArgumentError` where a key is configured without its secret, or the other way round.
 */
export async function createEbsProvider(
  settings: EbsSettings,
  context: ProviderContext,
  { sysfs, dev, pace, missingMs = MISSING_MS, endpoints = {} }: EbsMachine = EC2_INSTANCE,
): Promise<Provider> {
  requireWholeKey(settings)
  const identity = new MachineIdentity({
    configured: settings,
    metadata: new MetadataService(settings.metadataEndpoint),
    sysfs,
    warn: context.warn ?? (() => {}),
    place: (id) => ownPlacement(ec2, id),
  })
  const decode = decodeBySts(settings, identity)
  const ec2Of = (other?: OtherRegion) =>
    new Ec2(async () => explainDenials(await connectEc2(settings, identity, other), decode))
  const ec2 = ec2Of()
  const lookUps = new VolumeLookUps(ec2)
  const disks = disksOf(context, { sysfs, dev })
  const names = new DeviceNames((name) => disks.isPresent(name))
  const here = new ThisInstance({ ec2, lookUps, identity, names, disks, pace })
  const hotPlug = new HotPlug({ lookUps, disks, missingMs })
  const xenDisks = isXen(sysfs) ? new XenDisks({ disks, lookUps }) : undefined
  const scope = { prefix: settings.tag ?? '', rexraySet: settings.rexrayTag ?? '' }
  return {
    driver: new EbsDriver({
      ec2,
      elsewhere: otherRegions({ settings, identity, endpoints }, ec2Of),
      lookUps,
      tokens: new TokenMemory(),
      identity,
      here,
      scope,
      timeoutMs: settings.statusTimeout,
      pace,
      usualMaking: new UsualTime(),
      usualFreeing: new UsualTime(),
      namesPerZone: settings.perZoneNames,
      encryptionKey: settings.kmsKeyID,
    }),
    executor: new EbsExecutor({ identity, disks, here, hotPlug, xenDisks }),
    storage: 'block',
    scope: 'global',
    consistency: 'eventual',
    looksLikeId: (text) => ID_FORM.test(text),
    wishes: new Set(WISHES),
  }
}

function disksOf(
  { libDirectory, looksOnly, run }: ProviderContext,
  { sysfs, dev }: Pick<EbsMachine, 'sysfs' | 'dev'>,
): BlockDevices {
  const ownNodes = path.join(libDirectory, 'ebs', 'devices')
  return new BlockDevices({ sysfs, dev, ownNodes, looksOnly }, run)
}

/** Whether disks come without serial numbers. */
function isXen(sysfs: string): boolean {
  try {
    return readFileSync(path.join(sysfs, 'hypervisor/type'), 'utf8').trim() === 'xen'
  } catch {
    return false
  }
}
