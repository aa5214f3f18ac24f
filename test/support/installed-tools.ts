import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** Those of the programs that this machine does not have. */
export function missingTools(tools: readonly string[]): string[] {
  return tools.filter((tool) => !isInstalled(tool))
}

function isInstalled(tool: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(':')
  return folders.some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
