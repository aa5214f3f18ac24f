import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { LogFields, Logger } from '../../src/libstorage/logger.ts'
import { createPluginApp } from '../../src/plugin-api/app.ts'
import type { Deadlines } from '../../src/plugin-api/serve-call.ts'
import { type PluginServer, startPluginServer } from '../../src/plugin-api/server.ts'
import { type Dialect, DockerClient, exchange, parseReply, type RawReply } from './docker-client.ts'
import { InMemoryVolumes } from './in-memory-volumes.ts'

/** A line that was logged. */
export interface LogLine {
  readonly level: keyof Logger
  readonly message: string
  readonly fields: LogFields
}

/** A logger that keeps its lines. */
export function keepingLogger(lines: LogLine[]): Logger {
  const keep =
    (level: keyof Logger) =>
    (message: string, fields: LogFields = {}) => {
      lines.push({ level, message, fields })
    }
  return { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }
}

/** What a rig is made with, where it matters. */
export interface RigParts {
  readonly volumes?: InMemoryVolumes
  readonly deadlines?: Deadlines
  readonly drainMs?: number
  readonly finishMs?: number
}

/** A plugin server on a socket of its own over volumes in memory. */
export class PluginRig {
  readonly volumes: InMemoryVolumes
  readonly lines: LogLine[]
  readonly path: string
  readonly server: PluginServer
  readonly #directory: string

  private constructor(
    volumes: InMemoryVolumes,
    lines: LogLine[],
    server: PluginServer,
    directory: string,
  ) {
    this.volumes = volumes
    this.lines = lines
    this.server = server
    this.#directory = directory
    this.path = join(directory, 'rexray.sock')
  }

  static async start(parts: RigParts = {}): Promise<PluginRig> {
    const { volumes = new InMemoryVolumes(), deadlines, drainMs = 0, finishMs = 5_000 } = parts
    const lines: LogLine[] = []
    const logger = keepingLogger(lines)
    const directory = await mkdtemp(join(tmpdir(), 'plugin-api-'))
    const app = createPluginApp({
      volumes,
      logger,
      ...(deadlines === undefined ? {} : { deadlines }),
    })
    const host = `unix://${join(directory, 'rexray.sock')}`
    const server = await startPluginServer({ host, app, logger, drainMs, finishMs })
    return new PluginRig(volumes, lines, server, directory)
  }

  client(dialect?: Dialect): DockerClient {
    return new DockerClient({ path: this.path }, dialect)
  }

  /** Sends these very bytes, or parts one after the other, and takes the reply apart. */
  async send(bytes: string | readonly string[]): Promise<RawReply> {
    return parseReply(await exchange({ path: this.path }, bytes))
  }

  /** The lines at a level. */
  logged(level: LogLine['level']): LogLine[] {
    return this.lines.filter((line) => line.level === level)
  }

  async stop(): Promise<void> {
    await this.server.close()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

/** Asserts that a reply has the headers that Docker expects of a plugin, and none that tell more. */
export function expectPluginHeaders({ headers }: RawReply): void {
  expect(headers.get('connection')).toBe('close')
  expect(headers.get('content-type')).toBe('application/vnd.docker.plugins.v1.2+json')
  expect(headers.has('etag')).toBe(false)
  expect(headers.has('x-powered-by')).toBe(false)
}
