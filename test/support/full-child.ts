import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { identifySelf } from '../../src/libstorage/process-identity.ts'
import { run } from '../../src/libstorage/run.ts'
import { ToolRunner } from '../../src/libstorage/tool-runner.ts'
import { ProcessLocks } from '../../src/mount/locks.ts'

/** Prints with which errors a process fails that has as many files open as it may, and that it goes on afterwards. */
const [folder = ''] = process.argv.slice(2)
const locks = new ProcessLocks(folder)
const tools = new ToolRunner({
  scratchDirectory: path.join(folder, 'scratch'),
  atOnce: 1,
  turnMs: 100,
})
const abandoned = path.join(folder, 'abandoned.lock')
mkdirSync(abandoned)
const dead = { ...identifySelf(), startTime: '1' }
writeFileSync(path.join(abandoned, 'owner.json'), JSON.stringify({ process: dead, purpose: 'x' }))

const attempts = {
  run: () => run('true', [], { timeoutMs: 5_000 }),
  tool: () => tools.run('true', [], { timeoutMs: 5_000 }),
  lock: async () => (await locks.acquire('abandoned', 'tests')).release(),
}
async function outcomes(): Promise<string[]> {
  const results: string[] = []
  for (const [name, attempt] of Object.entries(attempts)) {
    const result = await attempt().then(
      () => 'done',
      (error: { code?: string }) => error.code ?? String(error),
    )
    results.push(`${name} ${result}`)
  }
  return results
}

const open: number[] = []
try {
  for (;;) open.push(openSync('/dev/null', 'r'))
} catch {
  // A lock needs to read and write its own files.
  for (let spare = 0; spare < 2; spare++) closeSync(open.pop() ?? -1)
}
const full = await outcomes()
for (const one of open) closeSync(one)
const after = await outcomes()
await tools.close()
process.stdout.write(`${JSON.stringify({ full, after })}\n`)
