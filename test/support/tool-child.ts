import { createInterface } from 'node:readline'
import { ToolRunner } from '../../src/libstorage/tool-runner.ts'
import { runDeviceTool } from '../../src/mount/linux/tools.ts'

/**
 * Runs a tool that writes `begun` and a second later `ended` into a folder. With `never`, its naming is never done.
 * Says the tool's pid when it is named; then the test may kill this process.
 */
const [scratch = '', target = '', naming] = process.argv.slice(2)
const tools = new ToolRunner({ scratchDirectory: scratch, atOnce: 2, turnMs: 100 })
const script = 'echo > "$1/begun"; sleep 1; echo > "$1/ended"'

for await (const _line of createInterface(process.stdin)) {
  const words = ['sh', '-c', script, 'sh', target] as const
  await runDeviceTool({ device: target }, words, tools.runBehindGate, async (tool) => {
    console.log(JSON.stringify(tool))
    if (naming === 'never') await new Promise(() => {})
  })
}
