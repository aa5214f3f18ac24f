// Plays a demonstration, that of EBS where none is named. It runs in a session of its own, so that Ctrl-C ends the story and then, in order, what
// it started, and not all of that at once.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const [, , name = 'ebs'] = process.argv
const project = fileURLToPath(new URL('..', import.meta.url))
const support = new URL('../test/support/machine.ts', import.meta.url)

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))],
  write: false,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  logLevel: 'error',
  // Where the files that are bundled lie: from there they find the program.
  define: { 'import.meta.url': JSON.stringify(support.href) },
})

const story = spawn(process.execPath, ['--input-type=module', '-'], {
  cwd: project,
  detached: true,
  stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => story.kill('SIGTERM'))
story.once('exit', (status) => {
  process.exitCode = status ?? 1
})
story.stdin.end(outputFiles[0]?.contents)
