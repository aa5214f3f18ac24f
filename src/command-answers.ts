import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { ConfigInput, LoadedConfig } from './config/load.ts'
import {
  build,
  type ServedConfiguration,
  type Serving,
  servingFile,
} from './config/serving-file.ts'
import type { Reading, Surroundings } from './config/surroundings.ts'
import { surroundingsDigest } from './config/surroundings-digest.ts'
import { surroundingsMark } from './config/surroundings-mark.ts'
import { isStorageError } from './libstorage/errors.ts'
import type { Logger } from './libstorage/logger.ts'
import { after, type Timer } from './libstorage/wait.ts'
import { LastChangeFile } from './mount/last-change.ts'
import type { CommandAnswers, Listing } from './plugin-api/command-calls.ts'
import type { Caller } from './plugin-api/routes.ts'
import type { OpenServices, ServedService } from './served-services.ts'

/** More than the time in which any file system shows two changes as one: FAT's times are of two seconds. */
const TOUCHED_LATELY_MS = 3_000

/** When after the start what was touched right before it no longer counts as touched lately. */
const SETTLED_MS = TOUCHED_LATELY_MS + 1_000

/** What a server's answers are made from. */
export interface ServerAnswersParts {
  readonly config: LoadedConfig
  readonly served: OpenServices
  readonly logger: Pick<Logger, 'debug' | 'warn'>
  /** Reads the configuration as a command with these flags would from here. */
  readonly readAsCommand: (flags: ServedConfiguration['flags']) => Promise<LoadedConfig>
  readonly input: Pick<ConfigInput, 'flags' | 'env' | 'uid' | 'homeDirectory'>
}

/** A configuration of commands, and what reading it found around it. */
interface Answerable extends Omit<ServedConfiguration, 'variables' | 'files' | 'mark'> {
  readonly surroundings: Surroundings
  readonly reading: Reading
}

/**
 * Answers commands in the server's place, so that they need not load what speaks to a platform. A command may ask only
 * where its own configuration would come to the same as the server's: docs/decisions/0011.
 */
export class ServerAnswers implements CommandAnswers {
  readonly #parts: ServerAnswersParts
  readonly #services = new Map<string, ServedService>()
  readonly #last: LastChangeFile
  readonly #file: string
  #changeAtStart: string | undefined
  #written: string | undefined
  #marking: Timer | undefined
  #hasEnded = false

  constructor(parts: ServerAnswersParts) {
    this.#parts = parts
    const { run } = parts.config.directories
    this.#last = new LastChangeFile(run)
    this.#file = servingFile(run)
  }

  async list(digest: string, { signal }: Caller): Promise<Listing | undefined> {
    const served = this.#services.get(digest)
    if (served === undefined) return undefined
    const { service, volumes } = served
    const change = this.#last.read()
    const call = change === this.#changeAtStart ? {} : { changedElsewhere: change }
    const [views, { id }] = await Promise.all([
      volumes.list({ signal, orReject: true, ...call }),
      service.executor.instance({ signal }),
    ])
    // What a provider warns of, a command says too.
    if (served.hasWarned()) return undefined
    return { volumes: views, viewpoint: { instance: id, driver: service.driver.name } }
  }

  async path(digest: string, name: string, { signal }: Caller): Promise<string | undefined> {
    const served = this.#services.get(digest)
    return await served?.volumes.path(name, { signal })
  }

  /** From now on what a command changes is noticed. Commands see for themselves where that cannot be. */
  watch(): void {
    try {
      this.#last.note()
      this.#changeAtStart = this.#last.read()
    } catch (error) {
      this.#hasEnded = true
      this.#notAnswered(error)
    }
  }

  /** Tells commands that the server listens on this socket. Commands do without, where that cannot be. */
  async begin(socket: string): Promise<void> {
    try {
      const key = randomBytes(32).toString('hex')
      const answerable: Answerable[] = []
      for (const flags of this.#possibleFlags())
        answerable.push(...(await this.#answerable(flags, key)))
      if (this.#hasEnded) return
      const write = () => this.#write({ build, socket, key, configurations: marked(answerable) })
      write()
      this.#marking = after(SETTLED_MS, write)
    } catch (error) {
      this.#notAnswered(error)
    }
  }

  /** From now on commands see for themselves. */
  end(): void {
    this.#hasEnded = true
    this.#marking?.cancel()
    if (this.#written !== undefined && readIfThere(this.#file) === this.#written)
      rmSync(this.#file, { force: true })
  }

  #write(serving: Serving): void {
    try {
      const text = JSON.stringify(serving)
      if (text === this.#written) return
      rmSync(this.#file, { force: true })
      writeFileSync(this.#file, text, { flag: 'wx', mode: 0o600 })
      this.#written = text
    } catch (error) {
      this.#notAnswered(error)
    }
  }

  #notAnswered(error: unknown): void {
    this.#parts.logger.warn('commands are not answered by this server', { error })
  }

  /** No flags, or the service that is meant; and the file that this server was started with. */
  #possibleFlags(): readonly ServedConfiguration['flags'][] {
    const { served, input } = this.#parts
    const named = served.services.map(({ service }) => ({ service: service.name }))
    const flags = [{}, ...named]
    const { configFile } = input.flags
    if (configFile === undefined) return flags
    return [...flags, ...flags.map((one) => ({ ...one, configFile: resolve(configFile) }))]
  }

  async #answerable(
    flags: ServedConfiguration['flags'],
    key: string,
  ): Promise<readonly Answerable[]> {
    const { config, served, input } = this.#parts
    const theirs = await this.#configOfCommand(flags)
    if (theirs === undefined || !isDeepStrictEqual(this.#facts(theirs), this.#facts(config)))
      return []
    const wanted = theirs.defaultService ?? served.defaultName
    const found = served.services.find(({ service }) => service.name === wanted)
    if (found === undefined) return []
    const surroundings = theirs.surroundings()
    const reading = { ...input, directories: theirs.directories }
    const digest = surroundingsDigest(key, surroundings, reading)
    this.#services.set(digest, found)
    return [{ flags, service: wanted, surroundings, reading, digest }]
  }

  /** Undefined where such a command fails, or logs more than failures. */
  async #configOfCommand(flags: ServedConfiguration['flags']): Promise<LoadedConfig | undefined> {
    try {
      const config = await this.#parts.readAsCommand(flags)
      return ['warn', 'error'].includes(config.logLevel) ? config : undefined
    } catch (error) {
      if (!isStorageError(error)) throw error
      return undefined
    }
  }

  /** What makes a command's volumes what they are. */
  #facts(config: LoadedConfig): unknown {
    const { directories, primaryService, services } = config
    const { choice } = this.#parts.served
    const chosen = choice && config.resolveService(choice.driver, choice.driver)
    return { directories, primaryService, services, chosen }
  }
}

function marked(all: readonly Answerable[]): readonly ServedConfiguration[] {
  return all.map(({ surroundings, reading, ...known }) => {
    const { variables, files } = surroundings
    const names = { variables: Object.keys(variables), files: Object.keys(files) }
    const mark = surroundingsMark(names, variables, reading, Date.now() - TOUCHED_LATELY_MS)
    // What is marked is there now, and has to be what was read.
    const isAsRead = Object.entries(files).every(([file, text]) => readIfThere(file) === text)
    return { ...known, ...names, ...(isAsRead && mark !== undefined && { mark }) }
  })
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
