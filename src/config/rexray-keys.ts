/**
 * Keys of REX-Ray's that mean nothing here. They are accepted, because configurations have them. `*` stands for one
 * level, `**` for everything beneath.
 */
export const rexrayKeys: readonly string[] = [
  'rexray.host',
  'rexray.module.startTimeout',
  'rexray.modules.*.desc',
  'rexray.modules.*.spec',
  'rexray.docker.mount.path',
  'rexray.csi.nfs.volumes',
  'rexray.token.**',
  'rexray.cli.**',
  'rexray.agent.**',
  'rexray.osDrivers',
  'rexray.volumeDrivers',
  'libstorage.host',
  'libstorage.embedded',
  'libstorage.disabled',
  'libstorage.client.**',
  'libstorage.os.driver',
  'libstorage.storage.driver',
  'libstorage.integration.driver',
  'libstorage.executor.path',
  'libstorage.executor.disableDownload',
  'libstorage.device.scanType',
  'libstorage.http.**',
  'libstorage.schema.responseValidationEnabled',
  'libstorage.logging.**',
  'libstorage.server.endpoints.**',
  'libstorage.server.autoEndpointMode',
  'libstorage.server.tasks.**',
  'libstorage.server.parseRequestOpts',
  'libstorage.server.auth.**',
  'libstorage.server.tls',
  'libstorage.server.tls.**',
  'libstorage.tls',
  'libstorage.tls.**',
  'libstorage.integration.volume.operations.remove.force',
  'libstorage.integration.volume.operations.path.cache.enabled',
  'libstorage.integration.volume.operations.path.cache.async',
  'csi.**',
]

/** The first levels beneath which REX-Ray's drivers have their keys. */
export const rexrayDrivers: readonly string[] = [
  'aws',
  'azureud',
  'cinder',
  'digitalocean',
  'dobs',
  'ebs',
  'ec2',
  'efs',
  'fittedcloud',
  'gce',
  'gcepd',
  'isilon',
  'openstack',
  'rackspace',
  'rbd',
  's3fs',
  'scaleio',
  'vfs',
  'virtualbox',
  'vmax',
  'xtremio',
]

/** Whether a lower-case key is one that a pattern of {@link rexrayKeys} describes. */
export function matchesPattern(key: string, pattern: string): boolean {
  const levels = key.split('.')
  const wanted = pattern.toLowerCase().split('.')
  if (wanted.at(-1) !== '**' && wanted.length !== levels.length) return false
  return wanted.every((level, index) => {
    if (level === '**') return levels.length > index
    return level === '*' ? levels[index] !== undefined : level === levels[index]
  })
}
