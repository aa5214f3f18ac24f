import { readFile } from 'node:fs/promises'
import path from 'node:path'
import * as z from 'zod'
import { FailedPreconditionError, UnavailableError } from '../../libstorage/errors.ts'
import type { MetadataService } from './imds.ts'
import type { Placement } from './instances.ts'

/** Who this machine is on EC2, as far as it can tell by itself. */
export interface OwnIdentity {
  readonly instanceId: string
  readonly region: string
  readonly zone?: string | undefined
  /** Such as `m5.large`, where the machine knows it. */
  readonly instanceType?: string | undefined
}

/** Who this machine is on EC2. */
export interface Ec2Identity extends OwnIdentity {
  readonly zone: string
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
  /** Asks EC2 where the instance is. */
  readonly place: (instanceId: string) => Promise<Placement>
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
  #own: Promise<OwnIdentity> | undefined
  #found: Promise<Ec2Identity> | undefined

  constructor(sources: IdentitySources) {
    this.#sources = sources
  }

  /** With the zone, for which EC2 is asked where nobody else tells. Rejects as `own` does, or with what EC2 has against it. */
  get(): Promise<Ec2Identity> {
    this.#found ??= this.#find().catch((error: unknown) => {
      this.#found = undefined
      throw error
    })
    return this.#found
  }

  /** Without a question to EC2. Rejects with a sentence that says what to configure where the machine cannot tell. */
  own(): Promise<OwnIdentity> {
    this.#own ??= this.#findOwn().catch((error: unknown) => {
      this.#own = undefined
      throw error
    })
    return this.#own
  }

  async #find(): Promise<Ec2Identity> {
    const own = await this.own()
    const { zone } = own
    return zone === undefined
      ? { ...own, ...(await this.#sources.place(own.instanceId)) }
      : { ...own, zone }
  }

  async #findOwn(): Promise<OwnIdentity> {
    const { configured, warn } = this.#sources
    const { region, availabilityZone: zone } = configured
    const firmwareId = await this.#firmwareId()
    if (firmwareId !== undefined) refuseAnother(configured.instanceId, firmwareId)
    const instanceId = configured.instanceId ?? firmwareId
    if (configured.instanceId && region && zone)
      return { instanceId: configured.instanceId, region, zone }
    try {
      const document = await this.#document()
      refuseAnother(configured.instanceId, document.instanceId)
      if (region !== undefined && region !== document.region)
        warn(
          `ebs.region is ${region}, but this instance is in ${document.region}, which is what counts`,
        )
      return {
        instanceId: document.instanceId,
        region: document.region,
        zone: document.availabilityZone,
        instanceType: document.instanceType,
      }
    } catch (error) {
      if (instanceId === undefined || region === undefined || !(error instanceof UnavailableError))
        throw error
      return { instanceId, region, zone }
    }
  }

  async #document(): Promise<z.infer<typeof documentSchema>> {
    const text = await this.#sources.metadata.get('/latest/dynamic/instance-identity/document')
    const parsed = documentSchema.safeParse(parseJson(text))
    if (parsed.success) return parsed.data
    throw new UnavailableError({
      subject: 'the instance identity document',
      problem: text === undefined ? 'is not there' : 'is not what EC2 gives',
      remedy: 'set ebs.region and ebs.instanceId',
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

/** An image keeps the configuration of the machine that it was made of: its copies would detach and delete in that one's name. */
function refuseAnother(configured: string | undefined, actual: string): void {
  if (configured === undefined || configured === actual) return
  throw new FailedPreconditionError({
    subject: 'ebs.instanceId',
    problem: `is ${configured}, but this machine is ${actual}`,
    remedy: 'take it out of the configuration: a machine that can tell who it is needs none',
  })
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}
