import { expect, test } from 'vitest'
import { startReport } from '../../src/cli/start-report.ts'
import { CommandLine } from '../support/command-line.ts'

test('the start says of every service what preempt and ignoreUsedCount are, and where that is written', () => {
  const app = new CommandLine().app()
  const [ebs] = app.services
  if (ebs === undefined) throw new Error('a service is served')
  const mount = { ...ebs.operations.mount, preempt: 'fence' as const }
  const fenced = {
    ...ebs,
    service: { ...ebs.service, name: 'db' },
    operations: { ...ebs.operations, mount, unmount: { ignoreUsedCount: true, detachDelayMs: 0 } },
  }
  const sourceOf = (service: string, key: string) => `/etc/rexray/${service}.yml: ${key}`
  const config = { ...app.config, sourceOf }
  const lines = startReport({ ...app, config, services: [ebs, fenced] }, [], 'remora').split('\n')

  expect(lines.find((line) => line.startsWith('service ebs'))).toContain(
    'preempt false (/etc/rexray/ebs.yml: preempt), ignoreUsedCount false (/etc/rexray/ebs.yml: ignoreUsedCount)',
  )
  expect(lines.find((line) => line.startsWith('service db'))).toContain(
    'preempt fence (/etc/rexray/db.yml: preempt), ignoreUsedCount true (/etc/rexray/db.yml: ignoreUsedCount)',
  )
})
