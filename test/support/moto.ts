import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { EC2Client } from '@aws-sdk/client-ec2'
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  IAMClient,
} from '@aws-sdk/client-iam'
import { eventually } from './machine.ts'

const CLIENT = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
  maxAttempts: 1,
}

/** The executable of moto's server, where there is one on this machine. */
export const motoServer = process.env['MOTO_SERVER']

/** moto as a server on a port of its own: an EC2 over HTTP by other people, with the parsers and the XML of theirs. */
export class Moto {
  readonly endpoint: string
  readonly #server: ChildProcess
  readonly #recording: string

  private constructor(endpoint: string, server: ChildProcess, recording: string) {
    this.endpoint = endpoint
    this.#server = server
    this.#recording = recording
  }

  /** Starts one that keeps its files in this folder; `close` must be called however the test ends. */
  static async start(folder: string): Promise<Moto> {
    if (motoServer === undefined) throw new Error('MOTO_SERVER names no executable')
    const recording = path.join(folder, 'recording')
    const server = spawn(motoServer, ['-H', '127.0.0.1', '-p', '0'], {
      cwd: folder,
      env: { ...process.env, MOTO_RECORDER_FILEPATH: recording },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    try {
      const moto = new Moto(await endpointOf(server), server, recording)
      await fetch(`${moto.endpoint}/moto-api/recorder/start-recording`, { method: 'POST' })
      return moto
    } catch (error) {
      server.kill('SIGKILL')
      throw error
    }
  }

  /** A client that is not the provider's. */
  client(): EC2Client {
    return new EC2Client({ ...CLIENT, endpoint: this.endpoint })
  }

  /** Makes a role with an instance profile of the same name, and says its ARN. */
  async addRole(name: string, path: string): Promise<string> {
    const iam = new IAMClient({ ...CLIENT, endpoint: this.endpoint })
    const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [] })
    const { Role } = await iam.send(
      new CreateRoleCommand({ RoleName: name, Path: path, AssumeRolePolicyDocument }),
    )
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: name }))
    await iam.send(
      new AddRoleToInstanceProfileCommand({ InstanceProfileName: name, RoleName: name }),
    )
    return Role?.Arn ?? ''
  }

  /** The actions that providers asked for, each once, in order of the alphabet. */
  actions(): string[] {
    const requests = readFileSync(this.#recording, 'utf8').split('\n').filter(Boolean)
    const actions = requests
      .map((line): RecordedRequest => JSON.parse(line))
      .filter(({ headers }) => headers['User-Agent']?.includes('remora'))
      .map(({ body }) => Buffer.from(body, 'base64').toString())
      .map((form) => new URLSearchParams(form).get('Action') ?? '')
    return [...new Set(actions)].sort()
  }

  async close(): Promise<void> {
    this.#server.kill('SIGKILL')
    await eventually('moto to end', () => this.#server.exitCode ?? this.#server.signalCode)
    rmSync(this.#recording, { force: true })
  }
}

interface RecordedRequest {
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The form, in base64. */
  readonly body: string
}

/** Where it listens, as it says itself. */
async function endpointOf(server: ChildProcess): Promise<string> {
  let said = ''
  server.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  let failure: Error | undefined
  server.once('error', (error) => {
    failure = error
  })
  return await eventually('moto to listen', () => {
    if (failure !== undefined) throw failure
    if (server.exitCode !== null) throw new Error(`moto ended:\n${said}`)
    return /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0]
  })
}
