import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { z } from 'zod'
import { type App, openApp } from '../../src/app.ts'
import { findAnswers } from '../../src/config/find-answers.ts'
import type { Flags } from '../../src/config/load.ts'
import type { ProcessRole } from '../../src/mount/mount-context.ts'
import type { ProviderContext, ProviderDefinition } from '../../src/providers/definition.ts'
import { MemoryPlatform } from './memory-platform.ts'

const silence = new Writable({ write: (_chunk, _encoding, done) => done() })

/** A machine with a home of its own, a cloud in memory, and a server and commands of this process. */
export class AnsweringMachine {
  static readonly CONFIG = 'libstorage: {service: cloud}\ncloud: {zone: a}\n'
  readonly home = fs.mkdtempSync(path.join(tmpdir(), 'answers-'))
  readonly platform = new MemoryPlatform()
  readonly env: Record<string, string> = { REXRAY_HOME: this.home, PATH: '/usr/bin:/bin' }
  /** What the provider warns of when it is opened. */
  warnings: readonly string[] = []
  readonly #apps: App[] = []

  constructor() {
    this.write('etc/config.yml', AnsweringMachine.CONFIG)
  }

  async end(): Promise<void> {
    for (const app of this.#apps.splice(0)) await app.close()
    fs.rmSync(this.home, { recursive: true, force: true })
  }

  write(name: string, text: string): string {
    const file = path.join(this.home, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, text)
    return file
  }

  async open(role: ProcessRole, flags: Flags = {}): Promise<App> {
    const { env, home } = this
    const providers = [this.#cloud()]
    const app = await openApp(role, {
      flags,
      env,
      uid: 0,
      homeDirectory: home,
      stderr: silence,
      providers,
    })
    this.#apps.push(app)
    return app
  }

  async serve(flags: Flags = {}): Promise<App> {
    const app = await this.open('server', flags)
    await app.listen()
    await app.answerCommands()
    return app
  }

  find(flags: Parameters<typeof findAnswers>[1] = {}): ReturnType<typeof findAnswers> {
    return findAnswers({ env: this.env, uid: 0, homeDirectory: this.home }, flags)
  }

  #cloud(): ProviderDefinition {
    return {
      name: 'cloud',
      aliases: [],
      settings: z.object({ zone: z.string().optional() }),
      unavailable: async () => undefined,
      create: async (_settings: unknown, { warn }: ProviderContext) => {
        for (const warning of this.warnings) warn?.(warning)
        return this.platform.provider('here')
      },
    }
  }
}
