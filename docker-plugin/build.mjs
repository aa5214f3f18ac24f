// Builds the managed plugin, or the image of its root file system, in the engine that DOCKER_HOST names. The folder that
// `docker plugin create` takes needs an engine only with BASE.
// Usage: node docker-plugin/build.mjs plugin|image|push|folder, with NAME, IMAGE, BASE, WITHOUT and FOLDER in the environment.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
const plugin = process.env['NAME'] || `remora/rexray:${version}`
const image = process.env['IMAGE'] || `remora/remora:${version}`
const scratch = mkdtempSync(join(tmpdir(), 'remora-plugin-'))

try {
  const steps = {
    plugin: createPlugin,
    image: buildImage,
    push: pushPlugin,
    folder: () => layOutFolder(process.env['FOLDER'], process.env['BASE'] ? ofBase : ofThisMachine),
  }
  const step = steps[process.argv[2] ?? '']
  if (step === undefined) throw new Error('say one of plugin, image, push, folder')
  step()
} catch (error) {
  console.error(`docker-plugin: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

/** One Dockerfile, whatever its base is: an image that BASE names, or else what this machine has installed. */
function buildImage() {
  requireProgram()
  const base = process.env['BASE'] || importThisMachine()
  const options = ['--network', 'host', '--build-arg', `BASE=${base}`, '--tag', image]
  docker(
    'build',
    '--quiet',
    '--file',
    join(project, 'docker-plugin/Dockerfile'),
    ...options,
    project,
  )
  const bytes = Number(docker('image', 'inspect', '--format', '{{.Size}}', image))
  console.log(`image ${image}, ${Math.round(bytes / 1e6)} MB`)
}

function requireProgram() {
  if (!existsSync(join(project, 'dist/main.js')))
    throw new Error('dist is not built, run make build')
}

/** The tools of this machine as an image, for where there is no registry to have one from. */
function importThisMachine() {
  const root = join(scratch, 'base')
  run('sh', [join(project, 'docker-plugin/collect.sh'), root])
  const base = `remora-base:${version}`
  const archive = join(scratch, 'base.tar')
  run('tar', ['-c', '-f', archive, '-C', root, '.'])
  docker('import', archive, base)
  return base
}

function createPlugin() {
  if (tried('docker', ['plugin', 'inspect', plugin]).status === 0)
    throw new Error(`plugin ${plugin} is there already, remove it first or say another NAME`)
  const folder = join(scratch, 'plugin')
  layOutFolder(folder, ofBase)
  docker('plugin', 'create', plugin, folder)
  console.log(`plugin ${plugin}, disabled; docker plugin enable ${plugin}`)
}

function pushPlugin() {
  docker('plugin', 'push', plugin)
  console.log(`plugin ${plugin}, pushed; docker plugin install ${plugin}`)
}

/** What `docker plugin create` takes. */
function layOutFolder(folder, fill) {
  const root = join(folder, 'rootfs')
  mkdirSync(root, { recursive: true })
  writeFileSync(join(folder, 'config.json'), JSON.stringify(pluginConfig()))
  fill(root)
}

function ofBase(root) {
  buildImage()
  const container = docker('create', image)
  const archive = join(scratch, 'root.tar')
  try {
    docker('export', '--output', archive, container)
  } finally {
    docker('rm', container)
  }
  run('tar', ['-x', '-f', archive, '-C', root])
}

function ofThisMachine(root) {
  requireProgram()
  run('sh', [join(project, 'docker-plugin/lay-out.sh'), root])
}

/** An engine that lacks a capability itself, as in some containers, cannot grant it: WITHOUT leaves it out. */
function pluginConfig() {
  const config = JSON.parse(readFileSync(join(project, 'docker-plugin/config.json'), 'utf8'))
  const without = (process.env['WITHOUT'] ?? '').split(/[ ,]+/)
  const capabilities = config.linux.capabilities.filter((name) => !without.includes(name))
  return { ...config, linux: { ...config.linux, capabilities } }
}

function docker(...args) {
  return run('docker', args)
}

function run(command, args) {
  const { status, stdout, stderr, error } = tried(command, args)
  if (error !== undefined) throw new Error(`${command} cannot be run: ${error.message}`)
  const said = args.slice(0, 2).join(' ')
  if (status !== 0) throw new Error(`${command} ${said} ended with ${status}: ${stderr.trim()}`)
  return stdout.trim()
}

function tried(command, args) {
  return spawnSync(command, args, { encoding: 'utf8' })
}
