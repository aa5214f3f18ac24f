import { quoted } from './shell.ts'
import type { ToolPaths } from './tool-files.ts'

/**
 * The command for one tool. The inner shell makes the files and becomes the tool; where there is no such program, it ends
 * as a shell does, with its trap. The outer one waits for it, and reports also when it could not fork.
 */
export function toolLine(id: number, words: readonly string[], paths: ToolPaths): string {
  const [out, err] = [quoted(paths.stdout), quoted(paths.stderr)]
  const trap = `trap ${quoted(`: >${quoted(paths.missing)}`)} 0`
  const tool = `exec ${words.map(quoted).join(' ')} </dev/null >>${out} 2>>${err} 3<&-`
  return reported(id, `${trap};echo >${out}&&echo >${err}&&${tool}`)
}

/** The command for a tool behind the gate; it says everything in one file. Lines for others, which have died, are passed over. */
export function gatedLine(id: number, words: readonly string[], paths: ToolPaths): string {
  const [out, err] = [quoted(paths.stdout), quoted(paths.stderr)]
  const tool = `exec ${words.map(quoted).join(' ')} </dev/null >>${out} 2>&1 3<&-`
  const wait = `while read -r go <&3;do [ "$go" = ${id} ]&&echo passed ${id}&&${tool};done`
  return reported(id, `echo >${out}&&echo >${err}&&${wait}`)
}

function reported(id: number, inner: string): string {
  const tool = `{ ${inner};}& echo began ${id} $!;wait $!;`
  return `{ trap 'echo ended ${id} $?' 0;${tool}}& p${id}=$!\n`
}
