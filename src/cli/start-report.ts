import path from 'node:path'
import type { App, ListeningModule } from '../app.ts'
import { shellWord } from '../libstorage/shell.ts'
import type { ServedService } from '../served-services.ts'
import { version } from '../version.ts'

/** Where Docker looks for the sockets of plugins; https://docs.docker.com/engine/extend/plugin_api/ */
const DOCKER_SOCKETS = '/run/docker/plugins'
const SOCKET = 'unix://'

/**
 * What `start` says on stdout: where it listens, what it serves and why, where volumes lie, and what to try next, where it
 * can be called by somebody.
 */
export function startReport(
  app: Pick<App, 'config' | 'services' | 'choice'>,
  modules: readonly ListeningModule[],
  invocation: string | undefined,
): string {
  const lines = [
    `Remora ${version} serves volumes`,
    ...modules.map((module) => moduleLine(module, app)),
    ...app.services.map((service) => serviceLine(service, app)),
    configurationLine(app),
    ...modules.flatMap(specHint),
    ...(invocation === undefined ? [] : nextSteps(modules, invocation)),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

/** A module whose calls follow other settings than its service says so. */
function moduleLine(
  { address, service, module }: ListeningModule,
  { config }: Pick<App, 'config'>,
): string {
  const own = config.operationsOf(module, service)
  const setting = (key: 'preempt' | 'ignoreUsedCount', value: unknown) =>
    `${key} ${value} (${config.sourceOf(service, key, module)})`
  return [
    `listening on ${address} for service ${service}`,
    ...(own === undefined
      ? []
      : [
          setting('preempt', own.mount.preempt),
          setting('ignoreUsedCount', own.unmount.ignoreUsedCount),
        ]),
  ].join(', ')
}

function serviceLine(
  { service, operations, mountFolder }: ServedService,
  { config, choice }: Pick<App, 'config' | 'choice'>,
): string {
  const { mount, unmount } = operations
  const setting = (name: string, key: 'preempt' | 'ignoreUsedCount', value: unknown) =>
    `${name} ${value} (${config.sourceOf(service.name, key)})`
  return [
    `service ${service.name}: driver ${service.driver.name}`,
    ...(choice === undefined ? [] : [`chosen because ${choice.reason}`]),
    `volumes under ${mountFolder}`,
    setting('preempt', 'preempt', mount.preempt),
    setting('ignoreUsedCount', 'ignoreUsedCount', unmount.ignoreUsedCount),
  ].join(', ')
}

function configurationLine({ config }: Pick<App, 'config'>): string {
  const files = config.files.length === 0 ? 'no file' : config.files.join(', ')
  return `configuration: ${files}; state in ${config.directories.lib}`
}

/** Docker finds a socket elsewhere only through a file that says where it is. */
function specHint({ address, spec }: ListeningModule): readonly string[] {
  if (isDockerSocket(address)) return []
  return [
    `Docker looks for sockets in ${DOCKER_SOCKETS}; to let it find this one:`,
    `  mkdir -p ${shellWord(path.dirname(spec))} && echo ${shellWord(address)} > ${shellWord(spec)}`,
  ]
}

/** On every system with systemd, /var/run is another name of /run. */
function isDockerSocket(address: string): boolean {
  if (!address.startsWith(SOCKET)) return false
  const folder = path.dirname(address.slice(SOCKET.length))
  return folder === DOCKER_SOCKETS || folder === `/var${DOCKER_SOCKETS}`
}

function nextSteps(modules: readonly ListeningModule[], invocation: string): readonly string[] {
  const [first] = modules
  if (first === undefined) return ['no module is enabled: nothing listens for Docker']
  const driver = driverName(first)
  return [
    'try:',
    `  docker volume create --driver ${driver} --opt size=1 data`,
    `  docker run --rm --volume-driver ${driver} --volume data:/data alpine df -h /data`,
    `  ${invocation} volume ls`,
  ]
}

/** The name by which Docker knows a plugin is that of its socket or spec file. */
function driverName({ address, spec }: ListeningModule): string {
  return isDockerSocket(address) ? path.basename(address, '.sock') : path.basename(spec, '.spec')
}
