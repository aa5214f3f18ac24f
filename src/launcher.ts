#!/usr/bin/env node
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Script } from 'node:vm'

/** The build puts it here. */
declare const REMORA_ENTRY: string

/** The file that the program begins with. */
export const ENTRY = REMORA_ENTRY

/** The program as it was built: files of CommonJS in one folder, each with the code that V8 has made of it once. */
export interface ProgramFiles {
  /** Runs a file, unless it has been run, and returns what it exports. */
  load(file: string): unknown
  /** What has been compiled, by file. */
  readonly scripts: ReadonlyMap<string, Script>
}

/** What is added to a file's name for the code that V8 has made of it. */
const CODE_SUFFIX = '.code'
const DIGEST_BYTES = 32

/**
 * Opens the program in a folder. Most of a short command's time went into finding and compiling modules: docs/decisions/0013.
 * Code that another V8 made, or none, makes the program slower to start and nothing else.
 */
export function openProgram(folder: string): ProgramFiles {
  const modules = new Map<string, { exports: unknown }>()
  const scripts = new Map<string, Script>()

  const load = (file: string): unknown => {
    const known = modules.get(file)
    if (known !== undefined) return known.exports
    const module = { exports: {} }
    modules.set(file, module)
    const script = compile(join(folder, file))
    scripts.set(file, script)
    const find = (name: string) => (name.startsWith('./') ? load(name.slice(2)) : require(name))
    script.runInThisContext()(find, module)
    return module.exports
  }
  return { load, scripts }
}

/** Compiles a file of the program, from what is there of V8's code for it. */
export function compile(filename: string): Script {
  const text = readFileSync(filename, 'latin1')
  const cachedData = codeOf(filename, text)
  const source = `(function (require, module) {${text}\n})`
  return new Script(source, { filename, ...(cachedData && { cachedData }) })
}

/** Writes down what V8 has compiled of a file until now. */
export function writeCode(filename: string, script: Script): void {
  const code = script.createCachedData()
  const text = readFileSync(filename, 'latin1')
  writeFileSync(filename + CODE_SUFFIX, Buffer.concat([digest(text, code), code]))
}

/** V8 knows code of another version of its own, but neither code that is damaged nor a text that was changed. */
function codeOf(filename: string, text: string): Buffer | undefined {
  try {
    const written = readFileSync(filename + CODE_SUFFIX)
    const code = written.subarray(DIGEST_BYTES)
    return digest(text, code).equals(written.subarray(0, DIGEST_BYTES)) ? code : undefined
  } catch {
    return undefined
  }
}

function digest(text: string, code: Buffer): Buffer {
  return createHash('sha256').update(text, 'latin1').update(code).digest()
}

if (require.main === module) openProgram(__dirname).load(ENTRY)
