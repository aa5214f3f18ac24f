import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemdUnit } from '../../../src/cli/service/unit.ts'
import { documentAt } from '../../support/documents.ts'
import { missingTools } from '../../support/installed-tools.ts'

const usual = {
  command: ['/usr/bin/node', '/opt/remora/dist/main.js'],
  environmentFile: '/etc/rexray/rexray.env',
  stateFolder: '/var/lib/rexray',
}

test('the unit that is installed is the one that operators are shown', () => {
  const shown = /```ini\n# \S+\n([^`]+)```/.exec(documentAt('docs/operations.md').text)?.[1]
  expect(shown).toBe(systemdUnit(usual))
})

test('a home of its own is kept, and what systemd would replace is escaped', () => {
  const unit = systemdUnit({
    command: ['/opt/my node/bin/node', '/x/100%/$main.js'],
    environmentFile: '/h%/etc/rexray.env',
    stateFolder: '/h "%/var/lib',
    home: '/h "%$',
  })
  const lines = unit.split('\n')
  expect(lines).toContain('ExecStart="/opt/my node/bin/node" /x/100%%/$$main.js start')
  expect(lines).toContain('EnvironmentFile=-/h%%/etc/rexray.env')
  expect(lines).toContain('Environment="REXRAY_HOME=/h \\"%%$"')
  expect(lines).toContain('RequiresMountsFor="/h \\"%%/var/lib"')
})

/** Each gives a service a mount namespace of its own (systemd.exec(5)), or closes the devices that hold the volumes. */
const HIDE_MOUNTS_OR_DEVICES =
  /^(Private(?!Network)|Protect|ReadWritePaths|ReadOnlyPaths|InaccessiblePaths|ExecPaths|NoExecPaths|Bind|TemporaryFileSystem|Mount|Root|DynamicUser|ConfigurationDirectory|RuntimeDirectory|StateDirectory|LogsDirectory|CacheDirectory|Device|ProcSubset|JoinsNamespaceOf|LogNamespace|ExtensionImages|LoadCredential|SetCredential)/

test('nothing in it hides the mounts from the engine, or the devices from the server', () => {
  const settings = systemdUnit(usual).split('\n').slice(1)
  expect(settings.filter((line) => HIDE_MOUNTS_OR_DEVICES.test(line))).toEqual([])
})

test('what a volume needs of root is left to the server', () => {
  const taken = /^CapabilityBoundingSet=~(.+)$/m.exec(systemdUnit(usual))?.[1]?.split(' ') ?? []
  expect(taken).toContain('CAP_SYS_MODULE')
  const needed = [
    'SYS_ADMIN',
    'SYS_RESOURCE',
    'LINUX_IMMUTABLE',
    'SYS_PTRACE',
    'SYS_RAWIO',
    'MKNOD',
  ]
  const files = ['CHOWN', 'FOWNER', 'FSETID', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'KILL', 'IPC_LOCK']
  for (const name of [...needed, ...files]) expect(taken).not.toContain(`CAP_${name}`)
})

describe.skipIf(missingTools(['systemd-analyze']).length > 0)('systemd', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'unit-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test('understands all of it, however odd the paths are', () => {
    const script = join(folder, 'my 100% $cript.js')
    writeFileSync(script, '')
    const unit = join(folder, 'remora.service')
    writeFileSync(
      unit,
      systemdUnit({
        command: [process.execPath, script],
        environmentFile: join(folder, '50% rexray.env'),
        stateFolder: join(folder, 'var "lib"'),
        home: `${folder}/a "%home$`,
      }),
    )
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit], {
      encoding: 'utf8',
    })
    expect({ status, said: stderr.split('\n').filter((line) => line.includes('remora')) }).toEqual({
      status: 0,
      said: [],
    })
  })
})
