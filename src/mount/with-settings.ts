import type { IntegrationDriver } from './integration-driver.ts'
import type { MountSettings } from './settings.ts'

/** The volumes of a service, for calls that have settings of their own: those of one of several sockets. */
export function withSettings(
  volumes: IntegrationDriver,
  settings: MountSettings,
): IntegrationDriver {
  return {
    scope: volumes.scope,
    create: (name, options, call) => volumes.create(name, options, { ...call, settings }),
    createNew: (name, options, call) => volumes.createNew(name, options, { ...call, settings }),
    remove: (name, call) => volumes.remove(name, { ...call, settings }),
    resize: (name, sizeGiB, call) => volumes.resize(name, sizeGiB, { ...call, settings }),
    snapshots: (call) => volumes.snapshots({ ...call, settings }),
    createSnapshot: (volume, name, call) =>
      volumes.createSnapshot(volume, name, { ...call, settings }),
    copySnapshot: (idOrName, wanted, call) =>
      volumes.copySnapshot(idOrName, wanted, { ...call, settings }),
    removeSnapshot: (idOrName, call) => volumes.removeSnapshot(idOrName, { ...call, settings }),
    mount: (request, call) => volumes.mount(request, { ...call, settings }),
    unmount: (request, call) => volumes.unmount(request, { ...call, settings }),
    attach: (name, call) => volumes.attach(name, { ...call, settings }),
    detach: (name, call) => volumes.detach(name, { ...call, settings }),
    path: (name, call) => volumes.path(name, { ...call, settings }),
    get: (name, call) => volumes.get(name, { ...call, settings }),
    list: (call) => volumes.list({ ...call, settings }),
  }
}
