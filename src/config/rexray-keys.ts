/**
 * Keys of REX-Ray's that mean nothing here. They are accepted, because configurations have them. `*` stands for one
 * level, `**` for everything beneath.
 */
export const rexrayKeys: readonly string[] = [
  'rexray.host',
  'rexray.module.startTimeout',
  'rexray.modules.default-admin',
  'rexray.modules.default-admin.**',
  'rexray.modules.*.desc',
  'rexray.docker.mount.path',
  'rexray.csi.nfs.volumes',
  'rexray.token.**',
  'rexray.osDrivers',
  'rexray.volumeDrivers',
  'rexray.volume.path.cache',
  'rexray.volume.path.disableCache',
  'volume.path.cache',
  'volume.path.disableCache',
  'libstorage.host',
  'libstorage.embedded',
  'libstorage.disabled',
  'libstorage.client.type',
  'libstorage.client.cache.instanceID',
  'libstorage.client.auth.**',
  'libstorage.client.tls',
  'libstorage.client.tls.**',
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
  'libstorage.integration.volume.path.cache.enabled',
  'libstorage.integration.volume.path.cache.async',
  'libstorage.integration.volume.remove.force',
  'csi.**',
]

/** Those of them that are true or false, whose flags take a value only behind `=`. */
export const rexraySwitches: readonly string[] = [
  'rexray.volume.path.cache',
  'rexray.volume.path.disableCache',
  'volume.path.cache',
  'volume.path.disableCache',
  'libstorage.embedded',
  'libstorage.disabled',
  'libstorage.executor.disableDownload',
  'libstorage.schema.responseValidationEnabled',
  'libstorage.server.parseRequestOpts',
  'libstorage.integration.volume.operations.remove.force',
  'libstorage.integration.volume.operations.path.cache.enabled',
  'libstorage.integration.volume.operations.path.cache.async',
  'libstorage.integration.volume.path.cache.enabled',
  'libstorage.integration.volume.path.cache.async',
  'libstorage.integration.volume.remove.force',
]

/** The keys that drivers of REX-Ray which are not here have for what nobody else may read, in lower case. */
export const rexraySecrets = /\.(?:secretkey|password|passwd|token|clientsecret|key)$/

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
