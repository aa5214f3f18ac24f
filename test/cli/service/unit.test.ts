import { expect, test } from 'vitest'
import { systemdUnit } from '../../../src/cli/service/unit.ts'
import { documentAt } from '../../support/documents.ts'

test('the unit that is installed is the one that operators are shown', () => {
  const shown = /```ini\n# \S+\n([^`]+)```/.exec(documentAt('docs/operations.md').text)?.[1]
  expect(shown).toBe(
    systemdUnit({
      command: ['/usr/bin/node', '/opt/remora/dist/main.js'],
      environmentFile: '/etc/rexray/rexray.env',
    }),
  )
})

test('a home of its own is kept, and what systemd would replace is escaped', () => {
  const unit = systemdUnit({
    command: ['/opt/my node/bin/node', '/x/100%/$main.js'],
    environmentFile: '/h%/etc/rexray.env',
    home: '/h "%',
  })
  const lines = unit.split('\n')
  expect(lines).toContain('ExecStart="/opt/my node/bin/node" /x/100%%/$$main.js start')
  expect(lines).toContain('EnvironmentFile=-/h%%/etc/rexray.env')
  expect(lines).toContain('Environment="REXRAY_HOME=/h \\"%%"')
})
