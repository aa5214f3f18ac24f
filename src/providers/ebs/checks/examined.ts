import type { Volume as Ec2Volume, Instance } from '@aws-sdk/client-ec2'
import { IAMClient } from '@aws-sdk/client-iam'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import type { AwsCredentialIdentity } from '@smithy/types'
import { NotFoundError, UnavailableError } from '../../../libstorage/errors.ts'
import { timeLimit, untilAborted } from '../../../libstorage/wait.ts'
import type { EbsSettings } from '../config.ts'
import { connectEc2 } from '../connection.ts'
import { credentialsOf } from '../credentials.ts'
import { Ec2 } from '../ec2.ts'
import { MachineIdentity, type OwnIdentity } from '../identity.ts'
import { MetadataService } from '../imds.ts'
import { describedInstance, placementOf } from '../instances.ts'
import { VolumeLookUps } from '../look-ups.ts'
import { handlerFor, stsUrl } from '../transport.ts'

/** It answers within a millisecond or not at all. */
const METADATA_MS = 1_000

/** What a service of EBS is examined among: other services and another kernel only where there is no AWS. */
export interface EbsSurroundings {
  readonly sysfs: string
  /** How long one request may take, in milliseconds. */
  readonly answerMs: number
  /** The URLs of STS, IAM and KMS; by default those of AWS, or of the environment. */
  readonly sts?: string
  readonly iam?: string
  readonly kms?: string
  /** The host and port of an EC2 that obeys `DryRun` of every action as AWS does, besides AWS itself. */
  readonly dryRunsAt?: string
}

/** Credentials, with the marks by which the SDK says where it found them. */
export type FoundCredentials = AwsCredentialIdentity & {
  readonly $source?: Readonly<Record<string, string>>
}

/** Who the credentials belong to. */
export interface Caller {
  readonly arn: string
  readonly account: string
}

/** One service of EBS as its checks see it: each fact is found out once, by whoever asks first. */
export class Examined {
  readonly settings: EbsSettings
  readonly surroundings: EbsSurroundings
  readonly #metadata: MetadataService
  /** What finding out who this machine is had to say. */
  readonly warnings: string[] = []
  /** What is known of this machine without EC2. */
  readonly own: () => Promise<OwnIdentity>
  /** The zone of this machine; undefined where nobody tells, not even EC2. */
  readonly zone: () => Promise<string | undefined>
  readonly credentials: () => Promise<FoundCredentials>
  /** Who STS says that the credentials belong to. */
  readonly caller: () => Promise<Caller>
  /** This instance as EC2 shows it; rejects with `NotFoundError` where it shows none. */
  readonly instance: () => Promise<Instance>
  /** All volumes of the region that have a name, as EC2 shows them. */
  readonly volumes: () => Promise<readonly Ec2Volume[]>
  /** What EC2 shows as attached to this instance. */
  readonly attachedHere: () => Promise<readonly Ec2Volume[]>
  readonly sts: () => Promise<STSClient>
  readonly iam: () => Promise<IAMClient>
  readonly #ec2: Ec2

  constructor(settings: EbsSettings, surroundings: EbsSurroundings) {
    this.settings = settings
    this.surroundings = surroundings
    this.#metadata = new MetadataService(settings.metadataEndpoint)
    const identity = new MachineIdentity({
      configured: settings,
      metadata: this.#metadata,
      sysfs: surroundings.sysfs,
      warn: (message) => void this.warnings.push(message),
      place: async (id) => placementOf(id, await this.instance()),
    })
    this.own = once(() => identity.own())
    this.zone = once(() => zoneOf(identity))
    this.#ec2 = new Ec2(() => connectEc2({ ...settings, maxRetries: 1 }, identity))
    this.credentials = once(() => this.#credentials())
    this.caller = once(() => this.#caller())
    this.instance = once(() => this.#instance())
    this.volumes = once(() => this.#named())
    this.attachedHere = once(() => this.#attachedHere())
    this.sts = once(() => this.#connectSts())
    this.iam = once(() => this.#connectIam())
  }

  /** Sends a request to EC2, with little patience. */
  readonly send: Ec2['send'] = async (command, signal) =>
    await this.within('EC2', (limit) => this.#ec2.send(command, limit), signal)

  /** What the metadata service says at a path, if it does so at once; undefined where there is nothing. */
  async told(path: string): Promise<string | undefined> {
    try {
      return await this.#metadata.get(path, timeLimit(METADATA_MS))
    } catch {
      return undefined
    }
  }

  /** Does something that asks a service, no longer than one answer may take. */
  async within<T>(
    service: string,
    work: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const { answerMs } = this.surroundings
    const limit = timeLimit(answerMs)
    const both = signal === undefined ? limit : AbortSignal.any([limit, signal])
    try {
      return await untilAborted(work(both), both)
    } catch (error) {
      if (!limit.aborted || signal?.aborted) throw error
      throw new UnavailableError({
        subject: service,
        problem: `did not answer within ${answerMs / 1_000} s`,
        cause: error,
      })
    }
  }

  /** Something of the look-ups of the provider, asked with little patience. */
  async #looked(filters: Parameters<VolumeLookUps['matching']>[0]): Promise<readonly Ec2Volume[]> {
    return await new VolumeLookUps({ send: this.send }).matching(filters)
  }

  async #named(): Promise<readonly Ec2Volume[]> {
    return await this.#looked([{ Name: 'tag-key', Values: ['Name'] }])
  }

  async #attachedHere(): Promise<readonly Ec2Volume[]> {
    const { instanceId } = await this.own()
    return await this.#looked([{ Name: 'attachment.instance-id', Values: [instanceId] }])
  }

  async #credentials(): Promise<FoundCredentials> {
    const { region } = await this.own()
    const provide = await credentialsOf(this.settings, region)
    return await this.within('what gives credentials', () => provide())
  }

  async #caller(): Promise<Caller> {
    const sts = await this.sts()
    const { Arn = '', Account = '' } = await this.within('STS', (abortSignal) =>
      sts.send(new GetCallerIdentityCommand({}), { abortSignal }),
    )
    return { arn: Arn, account: Account }
  }

  async #instance(): Promise<Instance> {
    const { instanceId } = await this.own()
    const seen = await describedInstance(this, instanceId)
    if (seen === undefined) throw new NotFoundError(`instance ${instanceId}`)
    return seen
  }

  async #connectSts(): Promise<STSClient> {
    const { region } = await this.own()
    const { sts } = this.surroundings
    return new STSClient(await this.#client(region, sts, stsUrl(region)))
  }

  async #connectIam(): Promise<IAMClient> {
    const { region } = await this.own()
    return new IAMClient(
      await this.#client(region, this.surroundings.iam, 'https://iam.amazonaws.com'),
    )
  }

  async #client(region: string, endpoint: string | undefined, usual: string) {
    const credentials = await this.credentials()
    return {
      region,
      ...(endpoint !== undefined && { endpoint }),
      credentials: async () => credentials,
      maxAttempts: 2,
      customUserAgent: [['remora'] as [string]],
      requestHandler: handlerFor(endpoint ?? usual),
    }
  }
}

async function zoneOf(identity: MachineIdentity): Promise<string | undefined> {
  return await identity.get().then(
    ({ zone }) => zone,
    () => undefined,
  )
}

function once<T>(find: () => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined
  return () => {
    found ??= find()
    return found
  }
}
