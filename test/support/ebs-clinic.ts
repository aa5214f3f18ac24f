import { type CheckResult, examine } from '../../src/doctor/examine.ts'
import type { Finding } from '../../src/libstorage/check.ts'
import type { PolicyAdvice } from '../../src/providers/definition.ts'
import { ebsChecks, ebsPolicy } from '../../src/providers/ebs/checks/index.ts'
import { minimalPolicy } from '../../src/providers/ebs/checks/policy.ts'
import { type EbsSettings, ebsSettings } from '../../src/providers/ebs/config.ts'
import { EbsWorld } from './ebs-world.ts'
import type { Ec2Simulator, SimMachine, SimulatorOptions } from './ec2/simulator.ts'
import { type AccessKey, IamAccount, type Principal } from './iam/account.ts'
import { IamServer } from './iam/iam-server.ts'
import type { NamedPolicy, PolicyStatement } from './iam/policy.ts'

type Settings = Partial<Record<keyof EbsSettings, unknown>>

/** The key that a clinic's settings have. */
export const ACCESS_KEY = 'AKIAEXAMPLE000000001'
export const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCY'
const ROLE = 'node'
/** What a loaded machine needs; the checks' own limits are short. */
const PATIENCE = { eachMs: 20_000, allMs: 25_000 }

/** Statements as a policy with a name. */
export function policy(name: string, ...statements: readonly PolicyStatement[]): NamedPolicy {
  return { name, document: { Version: '2012-10-17', Statement: statements } }
}

/** Allows actions on everything. */
export function allow(...Action: readonly string[]): PolicyStatement {
  return { Effect: 'Allow', Action, Resource: '*' }
}

/** Denies actions on everything. */
export function deny(...Action: readonly string[]): PolicyStatement {
  return { Effect: 'Deny', Action, Resource: '*' }
}

/** The policy that is printed for users, without conditions on tags, and what else doctor asks. */
export const PRINTED = policy(
  'volumes',
  ...minimalPolicy({ partition: 'aws', tagged: false, stopsMachines: false }).Statement,
)
export const ASKING = policy(
  'asking',
  allow('iam:GetRole', 'iam:GetInstanceProfile', 'iam:SimulatePrincipalPolicy', 'ec2:GetEbs*'),
)
export const FENCING = policy('fencing', allow('ec2:StopInstances'))

/** An instance whose role may do all that a service of EBS needs, in an account of AWS on this machine, to be broken by a test. */
export class EbsClinic {
  readonly world: EbsWorld
  readonly account: IamAccount
  readonly iam: IamServer
  /** Whether doctor takes the simulator for one that obeys `DryRun` as AWS does. */
  isTrusted = true
  /** Whether other machines are stopped to take volumes from them. */
  stopsMachines = false

  private constructor(world: EbsWorld, iam: IamServer) {
    this.world = world
    this.iam = iam
    this.account = iam.account
  }

  static async open(options: SimulatorOptions = {}): Promise<EbsClinic> {
    const world = await EbsWorld.open(options)
    const { region } = world.simulator
    const account = new IamAccount(region.accountId)
    region.account = account
    const clinic = new EbsClinic(world, await IamServer.start(account, () => region.serviceTime()))
    clinic.allow([PRINTED, ASKING, FENCING])
    return clinic
  }

  get simulator(): Ec2Simulator {
    return this.world.simulator
  }

  get machine(): SimMachine {
    return this.world.here
  }

  /** Gives the caller these policies and no others. */
  allow(
    policies: readonly NamedPolicy[],
    { boundary, kind = 'role', ...key }: Partial<Principal> & Partial<AccessKey> = {},
  ): void {
    const path = kind === 'role' ? '/fleet/' : '/'
    const principal = { kind, name: ROLE, path, policies, boundary }
    this.account.add(ACCESS_KEY, principal, { secret: SECRET_KEY, ...key })
  }

  /** The settings of a service on the machine. */
  settings(changed: Settings = {}): EbsSettings {
    const given = {
      accessKey: ACCESS_KEY,
      secretKey: SECRET_KEY,
      endpoint: this.simulator.endpoint,
      metadataEndpoint: this.machine.metadata.endpoint,
      ...changed,
    }
    const set = Object.entries(given).filter(([, value]) => value !== undefined)
    return ebsSettings.parse(Object.fromEntries(set))
  }

  /** What doctor finds. */
  examine(changed: Settings = {}): Promise<readonly CheckResult[]> {
    const checks = ebsChecks(this.settings(changed), this.#use(), this.#around())
    return examine([{ service: 'ebs', checks }], PATIENCE)
  }

  policy(changed: Settings = {}): Promise<PolicyAdvice> {
    return ebsPolicy(this.settings(changed), this.#use(), this.#around())
  }

  async close(): Promise<void> {
    await this.iam.close()
    await this.world.close()
  }

  #use() {
    return { stopsMachines: this.stopsMachines }
  }

  #around() {
    const { endpoint } = this.iam
    const sysfs = this.machine.disks.sysfs.root
    const services = { sts: endpoint, iam: endpoint, kms: endpoint }
    const { host } = new URL(this.simulator.endpoint)
    return { sysfs, answerMs: 1_500, ...services, ...(this.isTrusted && { dryRunsAt: host }) }
  }
}

/** All findings of a kind, each after the id of its check. */
export function linesOf(results: readonly CheckResult[], verdict: Finding['verdict']): string[] {
  return results.flatMap(({ id, findings }) =>
    findings.filter((one) => one.verdict === verdict).map(({ seen }) => `${id}: ${seen}`),
  )
}
