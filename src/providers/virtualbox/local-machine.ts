import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { FailedPreconditionError } from '../../libstorage/errors.ts'
import type { Instance } from '../../libstorage/types.ts'
import type { Reference, WebSession } from './client.ts'
import { Code, hasCode } from './fault.ts'
import { findMachine } from './machines.ts'

/** Slots beyond this no chipset has (36 on ICH9). */
const MOST_SLOTS = 64
/** Interfaces that are no adapter of the machine's. */
const VIRTUAL = /^(?:lo|veth|docker|br-|virbr|tun|tap|cni|flannel|vxlan)/

/** Finds out which machine of the host this one is, and remembers it once it is known. */
export class LocalMachine {
  readonly #configured: string | undefined
  readonly #sysfs: string
  #found: Promise<Instance> | undefined
  #by: string | undefined

  constructor(parts: { readonly configured: string | undefined; readonly sysfs: string }) {
    this.#configured = parts.configured
    this.#sysfs = parts.sysfs
  }

  /** Rejects with a sentence that says what to configure where it cannot be told. */
  get(session: WebSession): Promise<Instance> {
    this.#found ??= this.#find(session).catch((error: unknown) => {
      this.#found = undefined
      throw error
    })
    return this.#found
  }

  /** The machine, where it is known already. */
  get known(): Promise<Instance> | undefined {
    return this.#found
  }

  /** What told the machine from others, such as `its hardware UUID`; undefined until it is looked for. */
  get by(): string | undefined {
    return this.#by
  }

  async #find(session: WebSession): Promise<Instance> {
    this.#by = 'virtualbox.localMachineNameOrId'
    if (this.#configured !== undefined)
      return await this.#byConfiguration(session, this.#configured)
    this.#by = 'its hardware UUID'
    const uuid = (await this.#read('class/dmi/id/product_uuid'))?.toLowerCase()
    if (uuid !== undefined && uuid !== '') return await byHardware(session, uuid)
    this.#by = 'a network address'
    const addresses = await this.#addresses()
    const matches = addresses.size === 0 ? [] : await byAddress(session, addresses)
    const [match, other] = matches
    if (match !== undefined && other === undefined) return match
    throw unknownMachine(
      match === undefined
        ? 'is none of the machines that the web service knows'
        : `has network addresses that several machines of the host have: ${named(matches)}`,
    )
  }

  async #byConfiguration(session: WebSession, nameOrId: string): Promise<Instance> {
    const found = await findMachine(session, nameOrId)
    if (found?.problem === undefined && found !== undefined)
      return await instanceOf(session, found.ref)
    throw new FailedPreconditionError({
      subject: `virtualbox.localMachineNameOrId ${JSON.stringify(nameOrId)}`,
      problem: found === undefined ? 'is no machine of the host' : 'cannot be read by VirtualBox',
      remedy: 'name this machine as VBoxManage list vms does, and run vboxwebsrv as its owner',
    })
  }

  async #addresses(): Promise<ReadonlySet<string>> {
    const names = await readdir(path.join(this.#sysfs, 'class/net')).catch(() => [])
    const addresses = names
      .filter((name) => !VIRTUAL.test(name))
      .map((name) => this.#read(`class/net/${name}/address`))
    const known = (await Promise.all(addresses)).map((one) =>
      (one ?? '').replaceAll(':', '').toUpperCase(),
    )
    return new Set(known.filter((one) => /^[0-9A-F]{12}$/.test(one) && !/^0+$/.test(one)))
  }

  async #read(file: string): Promise<string | undefined> {
    try {
      return (await readFile(path.join(this.#sysfs, file), 'utf8')).trim()
    } catch {
      return undefined
    }
  }
}

/** The same UUID with the bytes of its first three groups in the other order (SMBIOS 2.6, 7.2.1). */
function swapped(uuid: string): string {
  const [a = '', b = '', c = '', ...rest] = uuid.split('-')
  const turned = [a, b, c].map((group) => (group.match(/../g) ?? []).reverse().join(''))
  return [...turned, ...rest].join('-')
}

/** By what the firmware says, which older machines write in another order of bytes: who has another UUID is another machine. */
async function byHardware(session: WebSession, uuid: string): Promise<Instance> {
  const meant = [uuid, swapped(uuid)]
  const matches: Instance[] = []
  for (const ref of await machinesOf(session))
    if (await hasHardware(session, ref, meant)) matches.push(await instanceOf(session, ref))
  const [match, other] = matches
  if (match !== undefined && other === undefined) return match
  throw unknownMachine(
    match === undefined
      ? `has hardware UUID ${uuid}, which none of the machines has that the web service knows`
      : `has hardware UUID ${uuid}, which several machines of the host have: ${named(matches)}`,
  )
}

async function hasHardware(
  session: WebSession,
  _this: Reference,
  meant: readonly string[],
): Promise<boolean> {
  return meant.includes((await session.call('IMachine_getHardwareUUID', { _this })).toLowerCase())
}

async function byAddress(
  session: WebSession,
  addresses: ReadonlySet<string>,
): Promise<readonly Instance[]> {
  const matches: Instance[] = []
  for (const ref of await machinesOf(session))
    if (await hasAddress(session, ref, addresses)) matches.push(await instanceOf(session, ref))
  return matches
}

async function hasAddress(
  session: WebSession,
  machine: Reference,
  addresses: ReadonlySet<string>,
): Promise<boolean> {
  for (let slot = 0; slot < MOST_SLOTS; slot += 1) {
    const adapter = await adapterOf(session, machine, slot)
    if (adapter === undefined) return false
    if (!(await session.call('INetworkAdapter_getEnabled', { _this: adapter }))) continue
    if (addresses.has(await session.call('INetworkAdapter_getMACAddress', { _this: adapter })))
      return true
  }
  return false
}

/** Undefined behind the last slot: how many there are is asked in another way by every version. */
async function adapterOf(
  session: WebSession,
  _this: Reference,
  slot: number,
): Promise<Reference | undefined> {
  try {
    return await session.call('IMachine_getNetworkAdapter', { _this, slot })
  } catch (error) {
    if (hasCode(error, Code.invalidArgument)) return undefined
    throw error
  }
}

/** The machines that can be read. */
async function machinesOf(session: WebSession): Promise<readonly Reference[]> {
  const all = await session.call('IVirtualBox_getMachines', { _this: session.root })
  const readable: Reference[] = []
  for (const _this of all)
    if (await session.call('IMachine_getAccessible', { _this })) readable.push(_this)
  return readable
}

async function instanceOf(session: WebSession, _this: Reference): Promise<Instance> {
  const id = await session.call('IMachine_getId', { _this })
  return { id, name: await session.call('IMachine_getName', { _this }) }
}

function named(machines: readonly Instance[]): string {
  return machines.map(({ name = '', id }) => `${name} (${id})`).join(', ')
}

function unknownMachine(problem: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: 'this machine',
    problem,
    remedy:
      'set virtualbox.localMachineNameOrId, and see that vboxwebsrv runs as the user who owns this machine',
  })
}
