// The managed plugin as files: an engine takes one from a folder, so that a release needs neither engine nor registry.
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemBill } from './bill-of-materials.mjs'
import { run } from './run.mjs'
import { put, withStage } from './tree.mjs'

/**
 * Writes `remora-plugin-<version>-linux-<architecture>.tar.gz`, a folder that `docker plugin create` takes, and a bill of
 * materials of what lies in it beside the program. Its tools are those of this machine, or of the image that `BASE` names;
 * from the same ones come the same bytes.
 */
export function writePluginArchive(project, output) {
  const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
  const name = `remora-plugin-${version}`
  withStage((stage) => {
    const folder = join(stage, name)
    const env = { FOLDER: folder, WITHOUT: '' }
    run(process.execPath, [join(project, 'docker-plugin/build.mjs'), 'folder'], { env })
    removeCode(join(folder, 'rootfs/usr/lib/remora'))
    copyFileSync(join(project, 'LICENSE'), join(folder, 'LICENSE'))
    const packages = packagesIn(folder)
    const architecture = packages.find((one) => one.architecture !== 'all')?.architecture
    const file = `${name}-linux-${architecture}`
    pack(stage, name, join(output, `${file}.tar.gz`))
    put(output, `${file}.cdx.json`, systemBill({ name: 'remora-plugin', version }, packages))
  })
}

/** What V8 made of the program differs from build to build, and is of no use to another Node.js. */
function removeCode(program) {
  for (const file of readdirSync(program).filter((name) => name.endsWith('.code')))
    rmSync(join(program, file))
}

function pack(stage, name, archive) {
  const built = `--mtime=@${process.env['SOURCE_DATE_EPOCH']}`
  const alike = ['--format=gnu', '--sort=name', built, '--owner=0', '--group=0', '--numeric-owner']
  const zip = '--use-compress-program=gzip -n -3'
  run('tar', [...alike, zip, '--create', `--file=${archive}`, `--directory=${stage}`, name])
}

function packagesIn(folder) {
  const read = (file) => readFileSync(join(folder, 'rootfs', file), 'utf8')
  const distribution = /^ID="?([^"\n]+)/m.exec(read('etc/os-release'))?.[1]
  const lines = read('usr/share/remora/packages').trim().split('\n')
  return lines.map((line) => {
    const [name, version, architecture] = line.split(' ')
    return { name, version, architecture, distribution }
  })
}
