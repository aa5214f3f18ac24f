import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { systemCode } from '../../../libstorage/errors.ts'
import type { Instance } from '../../../libstorage/types.ts'
import { timeLimit, untilAborted } from '../../../libstorage/wait.ts'
import { VirtualboxClient, type WebSession } from '../client.ts'
import type { VirtualboxSettings } from '../config.ts'
import { asStorageError } from '../errors.ts'
import { isFault, VboxFault } from '../fault.ts'
import { LocalMachine } from '../local-machine.ts'
import { findMachine } from '../machines.ts'
import { readAnswer, request } from '../soap.ts'
import { WebService } from '../web-service.ts'

/** What has to be well before anything can be asked for. */
export const BEFORE = [
  'machine.configuration',
  'virtualbox.service',
  'virtualbox.logon',
  'virtualbox.version',
] as const

/** How long the end of a web session may take: it ends by itself too. In milliseconds. */
const END_MS = 500

/** What a service of VirtualBox is examined among: another kernel only where there is no VirtualBox. */
export interface VirtualboxSurroundings {
  readonly sysfs: string
  /** How long one answer of the web service may take, in milliseconds. */
  readonly answerMs: number
}

/** The machine that this one is taken for. */
export interface FoundHere {
  readonly instance: Instance
  /** What told it from others. */
  readonly by: string
  /** As VirtualBox names it: `Running`, `PoweredOff` … */
  readonly state: string
}

/** One service of VirtualBox as its checks see it: nothing is locked, noted or saved. */
export class Examined {
  readonly settings: VirtualboxSettings
  /** As it is spoken to. */
  readonly endpoint: string
  readonly #service: WebService
  readonly #client: VirtualboxClient
  readonly #sysfs: string
  #here: Promise<FoundHere> | undefined
  #users = 0

  constructor(settings: VirtualboxSettings, { sysfs, answerMs }: VirtualboxSurroundings) {
    const { endpoint, tls, caFile, tlsInsecure, userName = '', password = '' } = settings
    this.settings = settings
    this.#sysfs = sysfs
    this.#service = new WebService({ endpoint, tls, caFile, tlsInsecure, timeoutMs: answerMs })
    this.endpoint = this.#service.endpoint
    this.#client = new VirtualboxClient(this.#service, { userName, password })
  }

  /** Asks for what needs no logon. Rejects with a `StorageError` where no web service answers. */
  async reach(signal: AbortSignal): Promise<void> {
    const operation = 'IManagedObjectRef_getInterfaceName'
    try {
      readAnswer(operation, await this.#service.post(request(operation, { _this: '' }), signal))
    } catch (error) {
      const isAnswer = error instanceof VboxFault && !isFault(error, 'no-soap')
      if (!isAnswer) throw this.#said(error, 'the web service')
    }
  }

  /** Does work in a web session, which is ended when no check uses it. Rejects with a `StorageError`. */
  async ask<T>(
    subject: string,
    work: (session: WebSession) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    this.#users += 1
    try {
      return await this.#client.use(work, signal)
    } catch (error) {
      throw this.#said(error, subject)
    } finally {
      this.#users -= 1
      if (this.#users === 0)
        await untilAborted(this.#client.end(), timeLimit(END_MS)).catch(() => {})
    }
  }

  /** The machine that this one is taken for; found out once. Rejects with a `StorageError`. */
  here(): Promise<FoundHere> {
    this.#here ??= this.ask('this machine', (session) => this.#find(session))
    return this.#here
  }

  /** The machine whose hardware UUID, or else network address, this one has, whatever is configured. */
  async unconfigured(): Promise<Instance | undefined> {
    const local = new LocalMachine({ configured: undefined, sysfs: this.#sysfs })
    return await this.ask('this machine', (session) => local.get(session)).catch(() => undefined)
  }

  /** What the firmware calls this machine; undefined where that cannot be read. */
  async product(): Promise<string | undefined> {
    const file = path.join(this.#sysfs, 'class/dmi/id/product_name')
    const text = await readFile(file, 'utf8').catch(() => '')
    return text.trim() || undefined
  }

  /** Whether the firmware would say which machine this is, but not to this user. */
  async isUuidClosed(): Promise<boolean> {
    const file = path.join(this.#sysfs, 'class/dmi/id/product_uuid')
    return await readFile(file).then(
      () => false,
      (error: unknown) => systemCode(error) === 'EACCES',
    )
  }

  async #find(session: WebSession): Promise<FoundHere> {
    const configured = this.settings.localMachineNameOrId
    const local = new LocalMachine({ configured, sysfs: this.#sysfs })
    const instance = await local.get(session)
    const { by = '' } = local
    const { state = '' } = (await findMachine(session, instance.id)) ?? {}
    return { instance, by, state }
  }

  #said(error: unknown, subject: string): unknown {
    return asStorageError(error, { subject, endpoint: this.endpoint })
  }
}
