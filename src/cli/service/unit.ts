/** What a unit of systemd has to know. */
export interface UnitFacts {
  /** How the program is run: Node.js and the script, absolute. */
  readonly command: readonly string[]
  /** A file with variables, which may be missing. */
  readonly environmentFile: string
  /** `REXRAY_HOME`, where it is set. */
  readonly home?: string | undefined
}

/** What tells a unit of ours from one of REX-Ray's. */
export const UNIT_TITLE = 'Description=Remora volume plugin'

/**
 * The unit of systemd that serves volumes; https://www.freedesktop.org/software/systemd/man/systemd.service.html
 *
 * `Before=docker.service`, since an engine that starts without its plugin waits for it. `KillMode=process`, since an mkfs
 * or fsck that a server has started has to come to its end. No mount namespace of its own, which would hide the mounts.
 */
export function systemdUnit({ command, environmentFile, home }: UnitFacts): string {
  return [
    '[Unit]',
    UNIT_TITLE,
    'Before=docker.service',
    'After=local-fs.target',
    '',
    '[Service]',
    `ExecStart=${[...command, 'start'].map(quoted).join(' ')}`,
    'ExecReload=/bin/kill -HUP $MAINPID',
    `EnvironmentFile=-${escaped(environmentFile)}`,
    ...(home === undefined ? [] : [`Environment=${quoted(`REXRAY_HOME=${home}`)}`]),
    'Restart=on-failure',
    'KillMode=process',
    'TimeoutStopSec=180',
    '',
    '[Install]',
    'WantedBy=multi-user.target docker.service',
    '',
  ].join('\n')
}

/** A word of a unit: `%` and `$` begin what systemd replaces. */
function quoted(word: string): string {
  const text = escaped(word).replaceAll('$', '$$$$')
  return /[\s"'\\;]/.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : text
}

function escaped(text: string): string {
  return text.replaceAll('%', '%%')
}
