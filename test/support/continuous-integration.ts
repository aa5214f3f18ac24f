import { appendFileSync } from 'node:fs'
import type { Reporter, TestCase, TestModule } from 'vitest/node'

/**
 * What the title of tests against VirtualBox's own web service begins with where it cannot be had: its packages are in one
 * release of one distribution, for one architecture. No other test may be skipped.
 */
export const UNAVAILABLE_SERVICE = 'the real vboxwebsrv cannot be had'

/**
 * For continuous integration, where everything a test needs is installed: a skipped test is a failure. Where
 * `TEST_SUMMARY` names a file, a line `<passed> <failed> <skipped>` is added to it; where `TEST_FAILURES` names one, what
 * failed and why, so that it can be told once more at the end of a long log.
 */
export class ContinuousIntegrationReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const skipped = tests.filter((test) => test.result().state === 'skipped')
    const passed = tests.filter((test) => test.result().state === 'passed').length
    const broken = modules.filter((module) => module.errors().length > 0).length + errors.length
    const failed = tests.length - passed - skipped.length + broken
    for (const test of skipped) {
      const isPermitted = test.fullName.startsWith(UNAVAILABLE_SERVICE)
      const verdict = isPermitted ? 'permitted' : 'which counts as a failure here'
      console.log(`skipped, ${verdict}: ${test.module.moduleId} > ${test.fullName}`)
      if (!isPermitted) process.exitCode = 1
    }
    const summary = process.env['TEST_SUMMARY']
    if (summary !== undefined) appendFileSync(summary, `${passed} ${failed} ${skipped.length}\n`)
    const failures = process.env['TEST_FAILURES']
    if (failures !== undefined) appendFileSync(failures, tests.map(failureOf).join(''))
  }
}

/** The title and the errors of a test that failed, else nothing. */
function failureOf(test: TestCase): string {
  const { errors = [] } = test.result()
  if (errors.length === 0) return ''
  const why = errors.map(({ message, diff = '', stacks = [] }) => {
    const [at] = stacks
    return `${message}\n${diff}\n  at ${at?.file}:${at?.line}\n`
  })
  return `failed: ${test.module.relativeModuleId} > ${test.fullName}\n${why.join('')}`
}

/** The reporters of every vitest configuration here. */
export function reporters(): (string | Reporter)[] {
  return process.env['CI'] === 'true'
    ? ['default', new ContinuousIntegrationReporter()]
    : ['default']
}
