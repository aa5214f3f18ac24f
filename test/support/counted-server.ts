import { join } from 'node:path'
import type { Machine } from './machine.ts'
import { PluginProxy } from './plugin-proxy.ts'
import { type ServerOptions, type ServerProcess, startServer } from './server-process.ts'

const socket = 'run/behind.sock'

/** Where engines find the plugin's socket, below a machine's home. */
const usual = 'run/docker/plugins/rexray.sock'

/** Starts a server behind a proxy: engines find the proxy where they look for the plugin. */
export async function startCountedServer(
  machine: Machine,
  configuration = '',
): Promise<{ readonly server: ServerProcess; readonly proxy: PluginProxy }> {
  machine.write('etc/config.yml', configurationBehind(machine, configuration))
  const server = await startServerBehind(machine)
  const proxy = await PluginProxy.start(join(machine.home, usual), server.socket)
  return { server, proxy }
}

/** Starts the server anew behind the proxy that is there. */
export function startServerBehind(
  machine: Machine,
  options: ServerOptions = {},
): Promise<ServerProcess> {
  return startServer(machine, { ...options, socket })
}

function configurationBehind(machine: Machine, configuration: string): string {
  const host = `unix://${join(machine.home, socket)}`
  return `${configuration}\nrexray:\n  modules:\n    default-docker:\n      host: ${host}\n`
}
