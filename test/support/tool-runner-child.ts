import { createInterface } from 'node:readline'
import { ToolRunner } from '../../src/libstorage/tool-runner.ts'

/** Starts a tool that writes `ended` into a folder a second later, and says the pid of the process that runs tools. */
const [scratchDirectory = '', target = ''] = process.argv.slice(2)
const tools = new ToolRunner({ scratchDirectory, atOnce: 2, turnMs: 100 })
const script = 'echo > "$1/begun"; sleep 1; echo much; echo > "$1/ended"'

for await (const _line of createInterface(process.stdin)) {
  const options = { timeoutMs: 60_000 }
  tools.run('sh', ['-c', script, 'sh', target], options).catch(() => {})
  await tools.run('true', [], options)
  console.log(tools.pid)
}
