#!/usr/bin/env node
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Script } from 'node:vm'

/** The module that the program begins with, and the file of each module; the build puts them here. */
declare const REMORA_ENTRY: string
declare const REMORA_PLACES: Readonly<Record<string, string>>

/** The program as it was built: modules of CommonJS in the files of one folder. */
export interface ProgramFiles {
  /** Runs a module, unless it has been run, and returns what it exports. */
  load(module: string): unknown
  /** What has been compiled, by file. */
  readonly scripts: ReadonlyMap<string, Script>
}

/** What a file comes to: for each of its modules a function that runs it. */
type Modules = Readonly<
  Record<string, (require: (name: string) => unknown, module: Module) => void>
>

interface Module {
  exports: unknown
}

/** The module that the program begins with. */
export const ENTRY = REMORA_ENTRY
/** What is added to a file's name for the code that V8 has made of it. */
export const CODE_SUFFIX = '.code'

/**
 * Opens the program in a folder. Most of a short command's time went into finding and compiling modules: docs/decisions/0013.
 * Code that another V8 made, or none, makes the program slower to start and nothing else.
 */
export function openProgram(folder: string): ProgramFiles {
  const loaded = new Map<string, Module>()
  const files = new Map<string, Modules>()
  const scripts = new Map<string, Script>()

  const open = (file: string): Modules => {
    const script = compile(join(folder, file))
    scripts.set(file, script)
    const modules: Modules = script.runInThisContext()
    files.set(file, modules)
    return modules
  }
  const run = (name: string, module: Module): void => {
    const file = REMORA_PLACES[name] ?? name
    const modules = files.get(file) ?? open(file)
    const find = (wanted: string) =>
      wanted.startsWith('./') ? load(wanted.slice(2)) : require(wanted)
    modules[name]?.(find, module)
  }
  const load = (name: string): unknown => {
    const known = loaded.get(name)
    if (known !== undefined) return known.exports
    const module = { exports: {} }
    loaded.set(name, module)
    try {
      run(name, module)
    } catch (error) {
      // What failed for want of a file handle may succeed the next time.
      loaded.delete(name)
      throw error
    }
    return module.exports
  }
  return { load, scripts }
}

/** Compiles a file of the program, from what is there of V8's code for it. */
export function compile(filename: string): Script {
  const text = readFileSync(filename)
  const cachedData = codeOf(filename, text)
  return new Script(text.toString('latin1'), { filename, ...(cachedData && { cachedData }) })
}

/** Writes down what V8 has compiled of a file until now. */
export function writeCode(filename: string, script: Script): void {
  const code = script.createCachedData()
  writeFileSync(filename + CODE_SUFFIX, Buffer.concat([readFileSync(filename), code, code]))
}

/**
 * V8 knows code of another version of its own, but neither code that is damaged nor a text that was changed. So a copy of
 * each is kept: to compare takes less than to load what computes a digest.
 */
function codeOf(filename: string, text: Buffer): Buffer | undefined {
  try {
    const written = readFileSync(filename + CODE_SUFFIX)
    const middle = text.length + ((written.length - text.length) >> 1)
    const code = written.subarray(text.length, middle)
    const isWhole = text.equals(written.subarray(0, text.length))
    return isWhole && code.equals(written.subarray(middle)) ? code : undefined
  } catch {
    return undefined
  }
}

if (require.main === module) openProgram(__dirname).load(ENTRY)
