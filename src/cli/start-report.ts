import path from 'node:path'
import type { App, ListeningModule } from '../app.ts'
import type { ServedService } from '../served-services.ts'
import { version } from '../version.ts'

/** Where Docker looks for the sockets of plugins; https://docs.docker.com/engine/extend/plugin_api/ */
const DOCKER_SOCKETS = '/run/docker/plugins'
const DOCKER_SPECS = '/etc/docker/plugins'

/** What `start` says on stdout: where it listens, what it serves and why, where volumes lie, what to try next. */
export function startReport(
  app: Pick<App, 'config' | 'services' | 'choice'>,
  modules: readonly ListeningModule[],
  invocation: string,
): string {
  const lines = [
    `Remora ${version} serves volumes`,
    ...modules.map(({ address, service }) => `listening on ${address} for service ${service}`),
    ...app.services.map((service) => serviceLine(service, app)),
    configurationLine(app),
    ...modules.flatMap(({ address }) => specHint(address)),
    ...nextSteps(modules, invocation),
  ]
  return lines.map((line) => `${line}\n`).join('')
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
function specHint(address: string): readonly string[] {
  const socket = socketPath(address)
  if (socket !== undefined && isDockerSocketFolder(path.dirname(socket))) return []
  const spec = `${DOCKER_SPECS}/${driverName(address)}.spec`
  return [
    `Docker looks for sockets in ${DOCKER_SOCKETS}; to let it find this one:`,
    `  mkdir -p ${DOCKER_SPECS} && echo ${address} > ${spec}`,
  ]
}

/** On every system with systemd, /var/run is another name of /run. */
function isDockerSocketFolder(folder: string): boolean {
  return folder === DOCKER_SOCKETS || folder === `/var${DOCKER_SOCKETS}`
}

function nextSteps(modules: readonly ListeningModule[], invocation: string): readonly string[] {
  const [first] = modules
  if (first === undefined) return ['no module is enabled: nothing listens for Docker']
  const driver = driverName(first.address)
  return [
    'try:',
    `  docker volume create --driver ${driver} --opt size=1 data`,
    `  docker run --rm --volume-driver ${driver} --volume data:/data alpine df -h /data`,
    `  ${invocation} volume ls`,
  ]
}

/** The name by which Docker knows a plugin is that of its socket or spec file. */
function driverName(address: string): string {
  const socket = socketPath(address)
  return socket === undefined ? 'rexray' : path.basename(socket, '.sock')
}

function socketPath(address: string): string | undefined {
  return address.startsWith('unix://') ? address.slice('unix://'.length) : undefined
}
