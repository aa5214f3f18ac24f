// Bundles the program: one small entry that starts fast, and a chunk for each thing that is loaded only when used.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { makeCodeCache } from './packaging/code-cache.mjs'
import { asCommonJs } from './packaging/common-js.mjs'
import { noticesFor } from './packaging/notices.mjs'
import { packed } from './packaging/packs.mjs'

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))

/**
 * What Express and winston load at every start and nobody here uses. Express: its body parsers, all media types of the
 * world, files, nested queries. winston: a copy of node's streams, messages about itself.
 */
const LEFT_OUT = new Map([
  ...['body-parser', 'mime-db', 'send', 'serve-static', 'qs'].map((name) => [name, '{}']),
  ['readable-stream', "require('node:stream')"],
  ['readable-stream/lib/_stream_writable.js', "require('node:stream').Writable"],
  ['@dabh/diagnostics', '() => () => {}'],
])

const withoutTheUnused = {
  name: 'without the unused',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z@]/ }, ({ path }) =>
      LEFT_OUT.has(path) ? { path, namespace: 'left-out' } : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
      contents: `module.exports = ${LEFT_OUT.get(path)}`,
    }))
  },
}

/**
 * The schemas of EC2, IAM and STS have computed keys, `[_xN]: value`, which a bundler takes for something that happens and never leaves out;
 * with plain ones only the schemas of the calls in use get in.
 */
const withPlainKeys = {
  name: 'with plain keys',
  setup({ onLoad }) {
    onLoad({ filter: /client-(ec2|iam|sts)\/dist-es\/schemas\/schemas_0\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      const texts = new Map(
        [...source.matchAll(/^const (_\w+) = ("[^"\\]*");$/gm)].map(([, name, text]) => [
          name,
          text,
        ]),
      )
      const contents = source.replace(/\[(_\w+)\]:/g, (key, name) =>
        texts.has(name) ? `${texts.get(name)}:` : key,
      )
      if (contents === source)
        throw new Error(`${path} has another form: see what is bundled of it`)
      return { contents }
    })
  },
}

/** An agent of Mesos runs dvdcli for every mount: it is one file, since each further one makes its start longer. */
const DVDCLI = 'src/cli/dvdcli/dvdcli.ts'
const withDvdcliApart = {
  name: 'with dvdcli apart',
  setup({ onResolve }) {
    onResolve({ filter: /\/dvdcli\/dvdcli\.ts$/ }, () => ({
      path: './dvdcli-program.js',
      external: true,
    }))
  },
}

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  write: false,
  // They are in the notices.
  legalComments: 'none',
  define: {
    REMORA_VERSION: JSON.stringify(version),
    REMORA_COMMIT: JSON.stringify(git('rev-parse', '--short=12', 'HEAD')),
    REMORA_FORMED: JSON.stringify(git('log', '-1', '--format=%cD')),
  },
}

/** Files of CommonJS, which node finds and compiles sooner than modules; src/launcher.ts loads them. */
const commonJs = { format: 'cjs', supported: { 'dynamic-import': false } }

const dvdcli = await build({ ...shared, ...commonJs, entryPoints: [DVDCLI] })
const program = await build({
  ...shared,
  metafile: true,
  format: 'esm',
  splitting: true,
  entryPoints: ['src/main.ts'],
  outdir: 'dist',
  entryNames: 'program-[hash]',
  plugins: [withoutTheUnused, withPlainKeys, withDvdcliApart],
  // The module form of a package is the one of which only what is used gets in: of the AWS SDK a small part.
  mainFields: ['module', 'main'],
})
const [entry] = Object.entries(program.metafile.outputs).find(
  ([, { entryPoint }]) => entryPoint === 'src/main.ts',
)
const modules = new Map([['dvdcli-program.js', dvdcli.outputFiles[0].text]])
for (const { path, text } of program.outputFiles)
  modules.set(basename(path), asCommonJs(basename(path), text))
const { files, places } = packed(modules, program.metafile)
const launcher = await build({
  ...shared,
  ...commonJs,
  entryPoints: ['src/launcher.ts'],
  define: {
    REMORA_ENTRY: JSON.stringify(basename(entry)),
    REMORA_PLACES: JSON.stringify(places),
  },
})

rmSync(dist(''), { recursive: true, force: true })
mkdirSync(dist(''))
for (const [file, text] of files) writeFileSync(dist(file), text)
writeFileSync(dist('main.js'), launcher.outputFiles[0].text, { mode: 0o755 })
// The folder is all there is of the program, wherever it is copied to.
writeFileSync(dist('package.json'), '{ "type": "commonjs" }\n')
writeFileSync(dist('third-party-notices.txt'), noticesFor(import.meta.dirname, program.metafile))
makeCodeCache(dist(''))

function dist(file) {
  return fileURLToPath(new URL(`dist/${file}`, import.meta.url))
}

/** What git says of this working tree; nothing where there is none. */
function git(...args) {
  const { status, stdout } = spawnSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : ''
}
