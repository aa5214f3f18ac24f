import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { writeDurably } from '../libstorage/durable-file.ts'

/** How many are remembered; the oldest are forgotten first. */
const REMEMBERED = 1_000
const schema = z.array(z.string())

/** The names of volumes that were removed here, so that a repeated Remove succeeds. */
export class RemovedNames {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  }

  has(name: string): boolean {
    return this.#read().includes(name)
  }

  async add(name: string): Promise<void> {
    const others = this.#read().filter((other) => other !== name)
    await writeDurably(this.#file, JSON.stringify([...others, name].slice(-REMEMBERED)))
  }

  /** A file that cannot be read costs no more than a repeated Remove that answers "not found". */
  #read(): string[] {
    try {
      return schema.parse(JSON.parse(readFileSync(this.#file, 'utf8')))
    } catch {
      return []
    }
  }
}
