import { spawnSync } from 'node:child_process'

/** Runs a tool, and returns what it printed. What it says on stderr is shown; its failure is an error. */
export function run(tool, args, { cwd, env } = {}) {
  const { status, stdout, stderr, error } = spawnSync(tool, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
  if (status === 0) return stdout
  throw new Error(`${tool} ${args.join(' ')}: ${error?.message ?? (stderr.trim() || status)}`)
}
