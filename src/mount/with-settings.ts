import type { IntegrationCall, IntegrationDriver } from './integration-driver.ts'
import type { MountSettings } from './settings.ts'

/** The volumes of a service, for calls that have settings of their own: those of one of several sockets. */
export function withSettings(
  volumes: IntegrationDriver,
  settings: MountSettings,
): IntegrationDriver {
  // A caller's signal may be made only when it is read, which a copy of the call's own members would miss.
  const given = <Call extends IntegrationCall>(call: Call | undefined) => ({
    ...call,
    ...(call?.signal !== undefined && { signal: call.signal }),
    settings,
  })
  return {
    scope: volumes.scope,
    create: (name, options, call) => volumes.create(name, options, given(call)),
    createNew: (name, options, call) => volumes.createNew(name, options, given(call)),
    remove: (name, call) => volumes.remove(name, given(call)),
    resize: (name, sizeGiB, call) => volumes.resize(name, sizeGiB, given(call)),
    snapshots: (call) => volumes.snapshots(given(call)),
    createSnapshot: (volume, name, call) => volumes.createSnapshot(volume, name, given(call)),
    copySnapshot: (idOrName, wanted, call) => volumes.copySnapshot(idOrName, wanted, given(call)),
    removeSnapshot: (idOrName, call) => volumes.removeSnapshot(idOrName, given(call)),
    mount: (request, call) => volumes.mount(request, given(call)),
    unmount: (request, call) => volumes.unmount(request, given(call)),
    attach: (name, call) => volumes.attach(name, given(call)),
    detach: (name, call) => volumes.detach(name, given(call)),
    path: (name, call) => volumes.path(name, given(call)),
    get: (name, call) => volumes.get(name, given(call)),
    list: (call) => volumes.list(given(call)),
  }
}
