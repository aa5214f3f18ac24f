import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { DriverKeys } from '../../src/config/driver-keys.ts'
import {
  type ConfigInput,
  type ExaminedConfig,
  examineConfig,
  type Flags,
  type LoadedConfig,
  loadConfig,
} from '../../src/config/load.ts'
import type { Reader } from '../../src/config/lookup.ts'
import { cloudDriver, driverKeys } from './driver-keys.ts'

/** What a test says about one load besides the files it wrote. */
export interface LoadOptions {
  readonly flags?: Flags
  readonly env?: Readonly<Record<string, string>>
  readonly uid?: number
  readonly drivers?: readonly DriverKeys[]
  readonly reader?: Reader
}

/** A REXRAY_HOME and a user's home in a directory of their own. */
export class ConfigWorld {
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  static async make(): Promise<ConfigWorld> {
    return new ConfigWorld(await mkdtemp(join(tmpdir(), 'remora-config-')))
  }

  get configFile(): string {
    return join(this.root, 'etc', 'config.yml')
  }

  async write(path: string, text: string): Promise<string> {
    const file = join(this.root, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
    return file
  }

  /** Writes the host's config.yml and loads it. */
  async loadText(text: string, options: LoadOptions = {}): Promise<LoadedConfig> {
    await this.write('etc/config.yml', text)
    return this.load(options)
  }

  async load(options: LoadOptions = {}): Promise<LoadedConfig> {
    return await loadConfig(this.#input(options))
  }

  /** The same, without rejecting about mistakes. */
  async examine(options: LoadOptions = {}): Promise<ExaminedConfig> {
    return await examineConfig(this.#input(options))
  }

  #input({ flags = {}, env = {}, uid = 0, drivers, reader }: LoadOptions): ConfigInput {
    return {
      flags,
      env: { REXRAY_HOME: this.root, ...env },
      uid,
      homeDirectory: join(this.root, 'home'),
      drivers: drivers ?? [...driverKeys, cloudDriver],
      environmentFile: join(this.root, 'environment'),
      ...(reader === undefined ? {} : { reader }),
    }
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true })
  }
}

/** The error that a promise ends with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => new Error('nothing was wrong'),
    (error: unknown) => error,
  )
  return outcome instanceof Error ? outcome : new Error(String(outcome))
}

/** A key in block style: one level in each line. */
export function nested(key: string, value: string): string {
  const levels = key.split('.')
  return levels
    .map(
      (level, depth) =>
        `${'  '.repeat(depth)}${level}:${depth === levels.length - 1 ? ` ${value}` : ''}`,
    )
    .join('\n')
}

/** A key in flow style. */
export function flow(key: string, value: string): string {
  const [first = '', ...inner] = key.split('.')
  return `${first}: ${inner.reduceRight((text, level) => `{${level}: ${text}}`, value)}`
}
