import { execFileSync } from 'node:child_process'
import { renameSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import {
  AttachVolumeCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DetachVolumeCommand,
} from '@aws-sdk/client-ec2'
import { clientOf } from '../ec2/client.ts'
import type { SimVolume } from '../ec2/resources.ts'
import type { Ec2Simulator } from '../ec2/simulator.ts'
import { eventually } from '../machine.ts'
import type { RexRayHost } from './host.ts'

interface Call {
  readonly Name?: string
  readonly Opts?: Readonly<Record<string, string>> | null
}

type Reply = Readonly<Record<string, unknown>>

/** How a version of REX-Ray does its work. */
export interface RexRayWays {
  /** Where it mounts. */
  readonly mountFolder: string
  /** Where it binds what containers get; without it they get the folder `data` of the mount. */
  readonly bindFolder?: string
  /** What Capabilities says, byte for byte. */
  readonly capabilities: string
}

/** REX-Ray's volume plugin, as far as it leaves something behind: tagged volumes, attachments, file systems and mounts. */
export class RexRayStandIn {
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  readonly #simulator: Ec2Simulator
  readonly #host: RexRayHost
  readonly #ways: RexRayWays
  readonly #counts = new Map<string, number>()
  #letter = 'f'.charCodeAt(0)

  constructor(simulator: Ec2Simulator, host: RexRayHost, ways: RexRayWays) {
    this.#simulator = simulator
    this.#host = host
    this.#ways = ways
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#socket, resolve)
    })
  }

  /** Ends as REX-Ray does: its socket goes, unless it was killed, and every mount stays. */
  async stop({ leavesSocket = false } = {}): Promise<void> {
    if (!this.#server.listening) return
    const socket = this.#socket
    if (leavesSocket) renameSync(socket, `${socket}.left`)
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
    if (leavesSocket) renameSync(`${socket}.left`, socket)
  }

  /** The file system's own id. */
  fileSystemOf(name: string): string {
    const { id, sizeGiB } = this.#volume(name)
    const file = this.#simulator.files.of(id, sizeGiB)
    return execFileSync('blkid', ['-p', '-o', 'value', '-s', 'UUID', file], { encoding: 'utf8' })
  }

  get #socket(): string {
    return this.#host.path('/run/docker/plugins/rexray.sock')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const part of request) body += String(part)
    response.setHeader('content-type', 'application/vnd.docker.plugins.v1.1+json')
    try {
      const call = (request.url ?? '').replace(/^\/\w+\./, '')
      const reply = await this.#answer(call, JSON.parse(body || '{}') as Call)
      response.end(typeof reply === 'string' ? reply : JSON.stringify(reply))
    } catch (error) {
      response.writeHead(500).end(JSON.stringify({ Err: `docker-legacy: ${String(error)}` }))
    }
  }

  async #answer(call: string, { Name: name = '', Opts }: Call): Promise<Reply | string> {
    switch (call) {
      case 'Activate':
        return '{"Implements": ["VolumeDriver"]}\n'
      case 'Capabilities':
        return this.#ways.capabilities
      case 'Create':
        return await this.#create(name, Number(Opts?.['size'] ?? 16))
      case 'Get':
        return { Volume: { Name: this.#volume(name).tags['Name'], Mountpoint: '' } }
      case 'Mount':
        return await this.#mount(name)
      case 'Unmount':
        return await this.#unmount(name)
      default:
        throw new Error(`${call} is nothing that leaves traces`)
    }
  }

  /** The tags came after the volume. */
  async #create(name: string, sizeGiB: number): Promise<Reply> {
    const ec2 = clientOf(this.#simulator)
    const { VolumeId = '' } = await ec2.send(
      new CreateVolumeCommand({
        AvailabilityZone: this.#host.instance.zone,
        Size: sizeGiB,
        VolumeType: 'gp2',
      }),
    )
    await eventually('the volume to be there', () => this.#isIn('available', VolumeId))
    const tags = [{ Key: 'Name', Value: name }]
    await ec2.send(new CreateTagsCommand({ Resources: [VolumeId], Tags: tags }))
    return {}
  }

  async #mount(name: string): Promise<Reply> {
    const { disks, id: InstanceId } = this.#host.instance
    const { id: VolumeId } = this.#volume(name)
    const point = join(this.#ways.mountFolder, name)
    if (disks.loopOf(VolumeId) === undefined) {
      const Device = `/dev/xvd${String.fromCharCode(this.#letter++)}`
      const attach = new AttachVolumeCommand({ VolumeId, InstanceId, Device })
      await clientOf(this.#simulator).send(attach)
      const loop = await eventually('its disk', () => disks.loopOf(VolumeId))
      await eventually('the volume to be attached', () => this.#isIn('in-use', VolumeId))
      await this.#host.sh(`blkid -p ${loop} > /dev/null || mkfs.ext4 -q -F ${loop}`)
      const folder = `mkdir -p ${point} && mount ${loop} ${point} && mkdir -p ${point}/data`
      await this.#host.sh(`${folder} && chmod 0700 ${point}/data`)
    }
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    return { Mountpoint: await this.#shown(name) }
  }

  /** What containers get. */
  async #shown(name: string): Promise<string> {
    const { mountFolder, bindFolder } = this.#ways
    const data = join(mountFolder, name, 'data')
    if (bindFolder === undefined) return data
    const bind = join(bindFolder, name)
    await this.#host.sh(`mkdir -p ${bind}; mountpoint -q ${bind} || mount --bind ${data} ${bind}`)
    return bind
  }

  async #unmount(name: string): Promise<Reply> {
    const { id: VolumeId } = this.#volume(name)
    const count = Math.max(0, (this.#counts.get(name) ?? 0) - 1)
    this.#counts.set(name, count)
    if (count > 0) return {}
    const { mountFolder, bindFolder } = this.#ways
    if (bindFolder !== undefined) await this.#host.sh(`umount ${join(bindFolder, name)}`)
    await this.#host.sh(`umount ${join(mountFolder, name)}`)
    const InstanceId = this.#host.instance.id
    const detach = new DetachVolumeCommand({ VolumeId, InstanceId })
    await clientOf(this.#simulator).send(detach)
    await eventually('the volume to be free', () => this.#isIn('available', VolumeId))
    return {}
  }

  #isIn(state: SimVolume['state'], id: string): boolean {
    const volume = this.#simulator.region.volumes.get(id)
    const isSettled = volume?.attachments.every((one) => one.state === 'attached') === true
    return volume?.state === state && isSettled
  }

  #volume(name: string): SimVolume {
    const [found] = this.#simulator.named(name)
    if (found === undefined) throw new Error(`Get: ${name}: failed: resource not found`)
    return found
  }
}
