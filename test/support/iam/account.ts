import { type Asked, type NamedPolicy, type Ruling, ruling } from './policy.ts'

/** A user or a role, with all that decides what it may do. */
export interface Principal {
  readonly kind: 'user' | 'role'
  readonly name: string
  /** Such as `/nodes/`; it is part of the ARN of the role and not of the ARN of its sessions. */
  readonly path: string
  readonly policies: readonly NamedPolicy[]
  readonly boundary?: NamedPolicy | undefined
}

/** An access key: whose it is, and until when. */
export interface AccessKey {
  readonly secret: string
  readonly principal: Principal
  /** A temporary one has a token, and often an end. */
  readonly token?: string | undefined
  readonly expiresAt?: Date | undefined
}

/** What is decided, and by which kind of policy when it is a no. */
export interface Judgement extends Ruling {
  readonly by: 'policies' | 'boundary' | 'organization'
}

/** A key of KMS; what EC2 makes of it stands in the region. */
export interface KmsKey {
  readonly arn: string
  readonly state: 'Enabled' | 'Disabled' | 'PendingDeletion' | 'PendingImport'
  /** All that it has. */
  readonly aliases?: readonly string[]
}

/** An account of AWS: its principals with their keys and policies. */
export class IamAccount {
  readonly id: string
  readonly keys = new Map<string, AccessKey>()
  readonly principals = new Map<string, Principal>()
  /** The role of each instance profile. */
  readonly profiles = new Map<string, string>()
  /** By id, ARN or alias. */
  readonly kmsKeys = new Map<string, KmsKey>()
  /** The name of the role that each token of another identity provider may assume. */
  readonly webIdentities = new Map<string, string>()
  /** For how long what a role gives out is valid, in milliseconds. */
  sessionMs = 3_600_000
  #sessions = 0
  /** What was decided, by the texts in which callers are told of it. */
  readonly #decisions = new Map<string, object>()
  /** What the organization allows at most; a simulation knows nothing of it, as that of an account that is no manager. */
  organization: NamedPolicy | undefined

  constructor(id = '123456789012') {
    this.id = id
  }

  /** Gives a principal with the name a key; one of that name is replaced. */
  add(accessKeyId: string, principal: Principal, key: Omit<AccessKey, 'principal'>): void {
    this.principals.set(principal.name, principal)
    this.keys.set(accessKeyId, { ...key, principal })
  }

  /** Gives out a key of a role, as STS and the metadata service do. */
  session(
    role: Principal,
    now = Date.now(),
  ): AccessKey & { readonly id: string; readonly token: string } {
    this.#sessions += 1
    const id = `ASIASESSION${this.#sessions}`
    const expiresAt = new Date(now + this.sessionMs)
    const [secret, token] = [`secret of ${id}`, `token of ${id}`]
    const key = { secret, token, expiresAt, principal: role }
    this.keys.set(id, key)
    return { ...key, id }
  }

  /** Notes why something is refused, for whoever may have it decoded. */
  encode({ decision, matched }: Judgement, { action, resource }: Asked): string {
    const encoded = `4x0nWjQ${this.#decisions.size + 1}`
    const statements = matched.map((statementId) => ({ statementId, effect: 'DENY' }))
    this.#decisions.set(encoded, {
      allowed: false,
      explicitDeny: decision === 'explicitDeny',
      matchedStatements: { items: statements },
      failures: { items: [] },
      context: { action, resource, conditions: { items: [] } },
    })
    return encoded
  }

  decoded(encoded: string): string | undefined {
    const decision = this.#decisions.get(encoded)
    return decision && JSON.stringify(decision)
  }

  /** The ARN under which policies are attached. */
  arnOf({ kind, path, name }: Principal): string {
    return `arn:aws:iam::${this.id}:${kind}${path}${name}`
  }

  /** The ARN that a caller has: a role is known by its session. */
  callerArn(principal: Principal, session = 'session'): string {
    return principal.kind === 'user'
      ? this.arnOf(principal)
      : `arn:aws:sts::${this.id}:assumed-role/${principal.name}/${session}`
  }

  /** What a call comes to. */
  judge(principal: Principal, asked: Asked): Judgement {
    const limited = this.organization && ruling([this.organization], asked)
    if (limited !== undefined && limited.decision !== 'allowed')
      return { ...limited, by: 'organization' }
    return this.simulate(principal, asked)
  }

  /** What the principal's own policies and its boundary come to. */
  simulate({ policies, boundary }: Principal, asked: Asked): Judgement {
    const own = ruling(policies, asked)
    const limit = boundary && ruling([boundary], asked)
    if (own.decision === 'explicitDeny' || limit === undefined || limit.decision === 'allowed')
      return { ...own, by: 'policies' }
    return { ...limit, by: own.decision === 'allowed' ? 'boundary' : 'policies' }
  }
}
