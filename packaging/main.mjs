// `packages` writes the npm package and the Debian package into release/. `release` does that for a tagged commit alone, and
// adds all else that a release consists of. What lies in release/ is whole: it takes its place at the very end.
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeAudit } from './audit.mjs'
import { writeBillOfMaterials } from './bill-of-materials.mjs'
import { writeChecksums } from './checksums.mjs'
import { writeDebianPackage } from './debian-package.mjs'
import { writeNotes } from './notes.mjs'
import { writeNpmPackage } from './npm-package.mjs'
import { obstaclesTo } from './obstacles.mjs'
import { writePluginArchive } from './plugin-archive.mjs'
import { run } from './run.mjs'

/** Each writes its files into a folder, one after the other. */
const PARTS = {
  packages: [writeNpmPackage, writeDebianPackage],
  release: [
    writeNotes,
    writeNpmPackage,
    writeDebianPackage,
    writePluginArchive,
    writeBillOfMaterials,
    writeAudit,
    writeChecksums,
  ],
}

const project = join(import.meta.dirname, '..')
const [, , what = 'packages'] = process.argv
process.umask(0o022)
try {
  await write(what, join(project, 'release'))
} catch (error) {
  process.stderr.write(`${what}: ${error.message}\n`)
  process.exitCode = 1
}

async function write(what, output) {
  const obstacles = what === 'release' ? obstaclesTo(project) : []
  if (obstacles.length > 0) throw new Error(`not from here:\n  ${obstacles.join('\n  ')}`)
  process.env['SOURCE_DATE_EPOCH'] ??= run('git', ['log', '-1', '--format=%ct'], {
    cwd: project,
  }).trim()
  const unfinished = `${output}.new`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished)
  run(process.execPath, ['build.mjs'], { cwd: project })
  for (const part of PARTS[what]) await part(project, unfinished)
  rmSync(output, { recursive: true, force: true })
  renameSync(unfinished, output)
}
