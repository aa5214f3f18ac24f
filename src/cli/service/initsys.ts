import { existsSync } from 'node:fs'

/** REX-Ray's word for what starts services on this machine. */
export function initSystem(): 'systemd' | 'unknown' {
  return existsSync('/run/systemd/system') ? 'systemd' : 'unknown'
}
