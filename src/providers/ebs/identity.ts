import { readFile } from 'node:fs/promises'
import path from 'node:path'
import * as z from 'zod'
import { FailedPreconditionError, UnavailableError } from '../../libstorage/errors.ts'
import type { MetadataService } from './imds.ts'

/** Who this machine is on EC2. */
export interface Ec2Identity {
  readonly instanceId: string
  readonly region: string
  readonly zone: string
  /** Such as `m5.large`, where the machine knows it. */
  readonly instanceType?: string | undefined
}

/** What a configuration says of it. */
export interface ConfiguredIdentity {
  readonly instanceId?: string | undefined
  readonly region?: string | undefined
  readonly availabilityZone?: string | undefined
}

/** What the identity is found out from. */
export interface IdentitySources {
  readonly configured: ConfiguredIdentity
  readonly metadata: Pick<MetadataService, 'get'>
  /** Where sysfs is mounted. */
  readonly sysfs: string
  readonly warn: (message: string) => void
}

const documentSchema = z.object({
  instanceId: z.string().min(1),
  region: z.string().min(1),
  availabilityZone: z.string().min(1),
  instanceType: z.string().optional(),
})

/** Where the machine's firmware says which instance it is: Nitro writes the id, Xen only that it is EC2. */
const ASSET_TAG = 'devices/virtual/dmi/id/board_asset_tag'

/** Finds out who this machine is, and remembers it once it is known: an instance never becomes another one. */
export class MachineIdentity {
  readonly #sources: IdentitySources
  #found: Promise<Ec2Identity> | undefined

  constructor(sources: IdentitySources) {
    this.#sources = sources
  }

  /** Rejects with a sentence that says what to configure where the machine cannot tell. */
  get(): Promise<Ec2Identity> {
    this.#found ??= this.#find().catch((error: unknown) => {
      this.#found = undefined
      throw error
    })
    return this.#found
  }

  async #find(): Promise<Ec2Identity> {
    const { configured, warn } = this.#sources
    const instanceId = configured.instanceId ?? (await this.#firmwareId())
    const { region, availabilityZone } = configured
    if (configured.instanceId && region && availabilityZone)
      return { instanceId: configured.instanceId, region, zone: availabilityZone }
    try {
      const document = await this.#document()
      if (region !== undefined && region !== document.region)
        warn(
          `ebs.region is ${region}, but this instance is in ${document.region}, which is what counts`,
        )
      return {
        instanceId: configured.instanceId ?? document.instanceId,
        region: document.region,
        zone: document.availabilityZone,
        instanceType: document.instanceType,
      }
    } catch (error) {
      if (instanceId === undefined || region === undefined || !(error instanceof UnavailableError))
        throw error
      if (availabilityZone !== undefined) return { instanceId, region, zone: availabilityZone }
      throw new FailedPreconditionError({
        subject: 'ebs.availabilityZone',
        problem: `is not set, and ${error.message}`,
        remedy: `set it to the zone of ${instanceId}`,
        cause: error,
      })
    }
  }

  async #document(): Promise<z.infer<typeof documentSchema>> {
    const text = await this.#sources.metadata.get('/latest/dynamic/instance-identity/document')
    const parsed = documentSchema.safeParse(parseJson(text))
    if (parsed.success) return parsed.data
    throw new UnavailableError({
      subject: 'the instance identity document',
      problem: text === undefined ? 'is not there' : 'is not what EC2 gives',
      remedy: 'set ebs.region, ebs.availabilityZone and ebs.instanceId',
    })
  }

  async #firmwareId(): Promise<string | undefined> {
    try {
      const text = await readFile(path.join(this.#sources.sysfs, ASSET_TAG), 'utf8')
      return /^i-[0-9a-f]+$/.exec(text.trim())?.[0]
    } catch {
      return undefined
    }
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}
