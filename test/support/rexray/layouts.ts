import type { HostFiles } from './host.ts'
import type { RexRayWays } from './stand-in.ts'

/** A host as one version of REX-Ray leaves it. */
export interface Layout {
  readonly version: string
  readonly ways: RexRayWays
  readonly files: HostFiles
  /** Left where it did not end in peace: a socket without anybody behind it, a pid that is somebody else's. */
  readonly wasKilled: boolean
}

const KEYS = `
  accessKey: AKIDEXAMPLE
  secretKey: secret
  region: us-east-1`

/** 0.11 with its long form of configuration, ended by systemd. */
export const rexray011: Layout = {
  version: '0.11.4',
  ways: {
    mountFolder: '/var/lib/rexray/volumes',
    capabilities: '{"Capabilities":{"Scope":"global"}}\n',
  },
  wasKilled: false,
  files: {
    '/etc/rexray/rexray.env': 'REXRAY_LOGLEVEL=info\n',
    '/etc/rexray/tls/known_hosts': '',
    '/etc/systemd/system/rexray.service': '[Service]\nExecStart=/usr/bin/rexray start\n',
    '/var/log/rexray/rexray.log': 'time="2019-01-15T00:00:00Z" level=info msg="service started"\n',
    '/etc/rexray/config.yml': `
rexray:
  logLevel: warn
  modules:
    default-docker:
      type: docker
      desc: The default docker module.
      host: unix:///run/docker/plugins/rexray.sock
      libstorage:
        service: ebs
libstorage:
  service: ebs
  integration:
    volume:
      operations:
        create:
          default: {size: 8, type: gp2}
        mount:
          preempt: true
  server:
    services:
      ebs:
        driver: ebs
ebs:${KEYS}
`,
  },
}

/** 0.11's first versions gave containers a bind of the mount's data. */
export const rexray011Bridge: Layout = {
  ...rexray011,
  version: '0.11.2',
  ways: { ...rexray011.ways, bindFolder: '/var/lib/rexray/docker/volumes' },
}

/** 0.6 with its short form and 0.3's keys, killed. */
export const rexray06: Layout = {
  version: '0.6.4',
  ways: {
    mountFolder: '/var/lib/libstorage/volumes',
    capabilities: '{"Capabilities": { "Scope": "global" }}',
  },
  wasKilled: true,
  files: {
    '/var/lib/libstorage/lsx-linux': '#!/bin/sh\nexit 1\n',
    '/var/log/libstorage/ls-wise-fox-fn.log': '',
    '/run/libstorage/wise-fox-fn.sock': '',
    '/run/rexray/rexray.pid': '1\n',
    '/etc/rexray/config.yml': `
rexray:
  storageDrivers:
  - ec2
  volume:
    unmount:
      ignoreUsedCount: true
libstorage:
  service: ebs
ebs:${KEYS}
`,
  },
}

/** The same, without anything set about the counting of users. */
export const rexray06Counting: Layout = {
  ...rexray06,
  version: '0.6.4, counting users',
  files: {
    ...rexray06.files,
    '/etc/rexray/config.yml': `
libstorage:
  service: ebs
ebs:${KEYS}
`,
  },
}
