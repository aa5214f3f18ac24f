import { Agent, request } from 'node:http'

/** What REX-Ray asks of every disk that it lists (its fork of go-virtualboxclient, medium.go). */
const GETTERS = [
  'Location',
  'Name',
  'Description',
  'Size',
  'LogicalSize',
  'DeviceType',
  'Format',
  'MediumFormat',
  'HostDrive',
  'Children',
  'Parent',
  'Id',
  'MachineIds',
  'SnapshotIds',
]
const NAMESPACES =
  'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:v="http://www.virtualbox.org/"'
const agent = new Agent({ keepAlive: false })

/** The calls of REX-Ray's driver, in its order: a fresh logon before each operation, a connection for each call, no logoff. */
export class RexrayVirtualbox {
  #endpoint
  #machine
  #root = ''

  constructor(endpoint, machine) {
    this.#endpoint = endpoint
    this.#machine = machine
  }

  async list() {
    await this.#logon()
    await this.#logon()
    for (const disk of await this.#disks()) await this.#getAll(disk)
  }

  async attach(id) {
    await this.#logon()
    await this.#lookUp(id)
    const medium = await this.#lookUp(id)
    const machine = await this.#findMachine()
    const session = await this.#locked(machine)
    const mutable = await this.#one('ISession_getMachine', { _this: session })
    const controllers = await this.#ask('IMachine_getStorageControllers', { _this: mutable })
    const [controller] = controllers
    const name = await this.#one('IStorageController_getName', { _this: controller })
    await this.#one('IStorageController_getMaxPortCount', { _this: controller })
    const of = { _this: mutable, name }
    const slots = await this.#ask('IMachine_getMediumAttachmentsOfController', of)
    const ports = new Set(slots.map((slot) => Number(/<port>(\d+)/.exec(slot)?.[1])))
    const controllerPort = Array.from({ length: 30 }, (_, port) => port).find(
      (one) => !ports.has(one),
    )
    const place = { ...of, controllerPort, device: 0, type: 'HardDisk', medium }
    await this.#ask('IMachine_attachDevice', place)
    await this.#ask('IMachine_saveSettings', { _this: mutable })
    await this.#ask('ISession_unlockMachine', { _this: session })
    await this.#lookUp(id)
  }

  async #locked(machine) {
    const asked = { refIVirtualBox: this.#root }
    const session = await this.#one('IWebsessionManager_getSessionObject', asked)
    await this.#ask('IMachine_lockMachine', { _this: machine, session, lockType: 'Shared' })
    return session
  }

  async #findMachine() {
    const asked = { _this: this.#root, nameOrId: this.#machine }
    const machine = await this.#one('IVirtualBox_findMachine', asked)
    await this.#ask('IMachine_getId', { _this: machine })
    await this.#ask('IMachine_getName', { _this: machine })
    return await this.#one('IVirtualBox_findMachine', asked)
  }

  /** Id and name of every disk, and everything of the one that is meant. */
  async #lookUp(id) {
    let found
    for (const disk of await this.#disks()) {
      const seen = await this.#one('IMedium_getId', { _this: disk })
      await this.#ask('IMedium_getName', { _this: disk })
      if (seen === id) found = disk
    }
    await this.#getAll(found)
    return found
  }

  async #getAll(disk) {
    const machineId = this.#machine
    for (const getter of GETTERS)
      await this.#ask(`IMedium_get${getter}`, { _this: disk, machineId })
  }

  async #disks() {
    return await this.#ask('IVirtualBox_getHardDisks', { _this: this.#root })
  }

  async #logon() {
    this.#root = await this.#one('IWebsessionManager_logon', { username: '', password: '' })
  }

  async #one(operation, args) {
    return (await this.#ask(operation, args))[0]
  }

  async #ask(operation, args) {
    const fields = Object.entries(args).map(([name, value]) => `<${name}>${value}</${name}>`)
    const asked = `<v:${operation}>${fields.join('')}</v:${operation}>`
    const body = `<s:Envelope ${NAMESPACES}><s:Body>${asked}</s:Body></s:Envelope>`
    const { status, text } = await post(this.#endpoint, body)
    if (status !== 200) throw new Error(`${operation}: ${text}`)
    return [...text.matchAll(/<returnval>(.*?)<\/returnval>/gs)].map(([, value]) => value)
  }
}

/** Sends a message by a connection of its own; resolves with the answer. */
export function post(url, body) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent }, (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }),
      )
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
