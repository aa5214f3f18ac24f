// The Debian package, laid out by hand: a program, its unit, its pages, and four small scripts.
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { run } from './run.mjs'
import { filesIn, put, putProgram, withStage } from './tree.mjs'

const LIBRARY = 'usr/lib/remora'
const PAGES = 'usr/share/doc/remora'
const NAMES = ['remora', 'rexray', 'dvdcli']

/** Writes `remora_<version>_all.deb` into a folder. */
export async function writeDebianPackage(project, output) {
  const { version, description } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
  const unit = await unitOf(project)
  withStage((stage) => {
    putProgram(project, stage, `${LIBRARY}/dist`, '#!/usr/bin/node')
    mkdirSync(join(stage, 'usr/bin'))
    for (const name of NAMES)
      symlinkSync('../lib/remora/dist/main.js', join(stage, 'usr/bin', name))
    put(stage, 'usr/lib/systemd/system/remora.service', unit)
    putPages(project, stage)
    putControl(project, stage, debianVersion(version), description)
    const deb = join(output, `remora_${debianVersion(version)}_all.deb`)
    run('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', stage, deb])
  })
}

/** A hyphen begins Debian's own revision, and a pre-release is older than its release. */
function debianVersion(version) {
  return version.replaceAll('-', '~')
}

/** The unit that `remora install` writes, with the paths of the package. */
async function unitOf(project) {
  const { outputFiles } = await build({
    entryPoints: [join(project, 'src/cli/service/unit.ts')],
    bundle: true,
    write: false,
    format: 'esm',
  })
  const { systemdUnit } = await import(
    `data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`
  )
  return systemdUnit({
    command: ['/usr/bin/remora'],
    environmentFile: '/etc/rexray/rexray.env',
    stateFolder: '/var/lib/rexray',
  })
}

/** Nothing lies in /etc: a configuration is the user's from the first line on. */
function putPages(project, stage) {
  const read = (file) => readFileSync(join(project, file), 'utf8')
  for (const page of ['README.md', 'config.yml.example']) put(stage, `${PAGES}/${page}`, read(page))
  for (const page of readdirSync(join(project, 'docs')).filter((name) => name.endsWith('.md')))
    put(stage, `${PAGES}/docs/${page}`, read(join('docs', page)))
  put(stage, `${PAGES}/changelog.gz`, gzipSync(read('CHANGELOG.md'), { level: 9 }))
  const notices = read('dist/third-party-notices.txt')
  put(stage, `${PAGES}/copyright`, `Remora\n\n${read('LICENSE')}\nIt has parts of:\n\n${notices}`)
}

function putControl(project, stage, version, description) {
  const bytes = filesIn(stage).map((file) => statSync(join(stage, file)).size)
  const sizeKiB = bytes.reduce((sum, size) => sum + Math.ceil(size / 1024), 0)
  const scripts = join(project, 'packaging/debian')
  for (const name of readdirSync(scripts))
    put(stage, `DEBIAN/${name}`, readFileSync(join(scripts, name)), 0o755)
  const fields = {
    Package: 'remora',
    Version: version,
    Architecture: 'all',
    Section: 'admin',
    Priority: 'optional',
    Maintainer: 'The Remora maintainers <maintainers@remora.invalid>',
    'Installed-Size': sizeKiB,
    Depends: 'nodejs (>= 20.19), e2fsprogs, util-linux, mount, diffutils',
    Recommends: 'xfsprogs, btrfs-progs',
    Conflicts: 'rexray, dvdcli',
    Description: `${description}\n Serves the driver "rexray" to Docker and Podman, with the configuration, the names and the\n commands of REX-Ray. It starts and enables nothing when it is installed.`,
  }
  const control = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`)
  put(stage, 'DEBIAN/control', control.join(''))
}
