import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Hands out an empty folder in which a package is laid out, and takes it away afterwards. */
export function withStage(work) {
  const stage = mkdtempSync(join(tmpdir(), 'remora-package-'))
  // It is the root of what is packed.
  chmodSync(stage, 0o755)
  try {
    return work(stage)
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

/** Writes a file of a package, its folders too. */
export function put(root, path, content, mode = 0o644) {
  const target = join(root, path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, content, { mode })
}

/** The files beneath a folder, relative to it, in alphabetical order. */
export function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

/**
 * Copies the built program; `firstLine` is what runs it, where that is not to be found on the `PATH`. Code that V8 has made
 * stays behind: the node that will run the program is another.
 */
export function putProgram(project, root, path, firstLine) {
  const dist = join(project, 'dist')
  for (const file of filesIn(dist).filter((name) => !name.endsWith('.code'))) {
    const text = readFileSync(join(dist, file), 'utf8')
    if (file !== 'main.js') put(root, join(path, file), text)
    else put(root, join(path, file), firstLine ? text.replace(/^#!.*/, firstLine) : text, 0o755)
  }
}
