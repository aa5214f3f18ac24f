/** What a unit of systemd has to know. */
export interface UnitFacts {
  /** How the program is run: Node.js and the script, absolute. */
  readonly command: readonly string[]
  /** A file with variables, which may be missing. */
  readonly environmentFile: string
  /** The folder of volumes and ledger: whatever is mounted there or above it is mounted before the start. */
  readonly stateFolder: string
  /** `REXRAY_HOME`, where it is set. */
  readonly home?: string | undefined
}

/** What tells a unit of ours from one of REX-Ray's. */
export const UNIT_TITLE = 'Description=Remora volume plugin'

/** Powers of root that nobody needs to mount volumes; capabilities(7). */
const NOT_NEEDED = [
  'CAP_AUDIT_CONTROL',
  'CAP_MAC_ADMIN',
  'CAP_MAC_OVERRIDE',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_SYS_BOOT',
  'CAP_SYS_MODULE',
  'CAP_SYS_PACCT',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
]

/**
 * What a server is kept from. Only settings without a mount namespace of their own, in which dockerd would not see the
 * mounts, and none that closes devices; https://www.freedesktop.org/software/systemd/man/systemd.exec.html
 */
const HARDENING = [
  `CapabilityBoundingSet=~${NOT_NEEDED.join(' ')}`,
  'NoNewPrivileges=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'RestrictRealtime=yes',
  'LockPersonality=yes',
  'SystemCallArchitectures=native',
]

/**
 * The unit of systemd that serves volumes; https://www.freedesktop.org/software/systemd/man/systemd.service.html
 *
 * `Before=docker.service`, since an engine that starts without its plugin waits for it. `KillMode=process`, since an mkfs
 * or fsck that a server has started has to come to its end. After a crash it starts again within Docker's 15 s, and
 * however often: containers cannot do without it.
 */
export function systemdUnit({ command, environmentFile, stateFolder, home }: UnitFacts): string {
  return [
    '[Unit]',
    UNIT_TITLE,
    'Before=docker.service',
    'After=local-fs.target remote-fs.target network-online.target',
    `RequiresMountsFor=${word(stateFolder)}`,
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    `ExecStart=${[...command, 'start'].map(commandWord).join(' ')}`,
    'ExecReload=/bin/kill -HUP $MAINPID',
    `EnvironmentFile=-${escaped(environmentFile)}`,
    ...(home === undefined ? [] : [`Environment=${word(`REXRAY_HOME=${home}`)}`]),
    'Restart=on-failure',
    'RestartSec=1',
    'KillMode=process',
    'TimeoutStopSec=180',
    'OOMPolicy=continue',
    'OOMScoreAdjust=-500',
    ...HARDENING,
    '',
    '[Install]',
    'WantedBy=multi-user.target docker.service',
    '',
  ].join('\n')
}

/** A word of a command, in which `$` begins a variable. */
function commandWord(text: string): string {
  return word(text.replaceAll('$', '$$$$'))
}

function word(text: string): string {
  const literal = escaped(text)
  return /[\s"'\\;]/.test(literal) ? `"${literal.replaceAll(/["\\]/g, '\\$&')}"` : literal
}

/** `%` begins what systemd replaces. */
function escaped(text: string): string {
  return text.replaceAll('%', '%%')
}
