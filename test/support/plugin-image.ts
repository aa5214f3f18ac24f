import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from './dockerd.ts'
import { outcomeOf, projectDirectory } from './machine.ts'

/** Texts by their paths in the root file system. */
export type PluginFiles = Readonly<Record<string, string>>

/** The image that `build` makes plugins of. */
export const PLUGIN_IMAGE = 'remora/plugin-test:1'

/** The project's own script for managed plugins, in one engine; it needs room in a folder for what it unpacks. */
export class PluginImage {
  readonly #engine: Engine
  readonly #scratch: string

  constructor(engine: Engine, scratch: string) {
    this.#engine = engine
    this.#scratch = scratch
  }

  /** Runs the script behind the make targets, with the image that it builds on if there is one; resolves with what it said. */
  async build(
    step: 'plugin' | 'push' | 'image',
    name = PLUGIN_IMAGE,
    base?: string,
  ): Promise<string> {
    const { status, stdout, stderr } = await outcomeOf(
      spawn(process.execPath, [join(projectDirectory, 'docker-plugin/build.mjs'), step], {
        env: {
          PATH: process.env['PATH'],
          TMPDIR: this.#scratch,
          DOCKER_HOST: this.#engine.address,
          NAME: name,
          IMAGE: PLUGIN_IMAGE,
          BASE: base,
          WITHOUT: lackedCapabilities().join(' '),
        },
      }),
    )
    if (status !== 0) throw new Error(`build.mjs ${step} ended with ${status}: ${stderr}${stdout}`)
    return stdout
  }

  /** What `docker plugin create` takes, but for its config.json: a folder with the root file system of the image. */
  async unpack(files: PluginFiles = {}): Promise<PluginFolder> {
    const folder = mkdtempSync(join(this.#scratch, 'plugin-'))
    const root = join(folder, 'rootfs')
    mkdirSync(root)
    const container = await this.#engine.docker('create', PLUGIN_IMAGE)
    const archive = `${folder}.tar`
    await this.#engine.docker('export', '--output', archive, container)
    await this.#engine.docker('rm', container)
    await outcomeOf(spawn('tar', ['-x', '-f', archive, '-C', root]))
    rmSync(archive)
    for (const [file, text] of Object.entries(files))
      writeFileSync(join(root, file), text, { mode: 0o755 })
    return new PluginFolder(folder)
  }
}

/** What plugins are made of, in any engine. */
export class PluginFolder {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes a plugin with this config.json. */
  async create(engine: Engine, name: string, config: object): Promise<void> {
    const own = mkdtempSync(`${this.#folder}-`)
    await outcomeOf(spawn('cp', ['-a', '-l', join(this.#folder, 'rootfs'), own]))
    writeFileSync(join(own, 'config.json'), JSON.stringify(withoutLacked(config)))
    await engine.docker('plugin', 'create', name, own)
  }
}

/** What plugins want and the machine of the tests may lack itself; CAP_SYS_RESOURCE is bit 24 (capabilities(7)). */
export function lackedCapabilities(): string[] {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return (BigInt(`0x${bounding ?? '0'}`) >> 24n) & 1n ? [] : ['CAP_SYS_RESOURCE']
}

function withoutLacked(config: object): object {
  const lacked = lackedCapabilities()
  const granted = (key: string, value: unknown) =>
    typeof value === 'string' && key !== 'value' && lacked.includes(value) ? undefined : value
  return JSON.parse(JSON.stringify(config, granted), (_key, value: unknown) =>
    Array.isArray(value) ? value.filter((item) => item !== null) : value,
  )
}
