import { type CheckResult, examine } from '../../src/doctor/examine.ts'
import { virtualboxChecks } from '../../src/providers/virtualbox/checks/index.ts'
import {
  type VirtualboxSettings,
  virtualboxSettings,
} from '../../src/providers/virtualbox/config.ts'
import type { ServiceOptions } from './virtualbox/web-service.ts'
import { VirtualboxWorld, VOLUMES } from './virtualbox-world.ts'

type Settings = Partial<Record<keyof VirtualboxSettings, unknown>>

/** What a loaded machine needs; the checks' own limits are short. */
const PATIENCE = { eachMs: 20_000, allMs: 25_000 }

/** A machine of a simulated host on which all is well, to be broken by a test. */
export class VirtualboxClinic {
  readonly world: VirtualboxWorld
  /** How long an answer may take, in milliseconds. */
  answerMs = 5_000
  /** All that was asked for, in its order. */
  readonly calls: string[] = []

  constructor(options: ServiceOptions & { readonly portCount?: number } = {}) {
    this.world = new VirtualboxWorld(options)
  }

  /** What doctor finds. */
  async examine(changed: Settings = {}): Promise<readonly CheckResult[]> {
    const { endpoint, calls } = await this.world.service.open()
    const set = Object.entries({ endpoint, volumePath: VOLUMES, ...changed })
    const given = Object.fromEntries(set.filter(([, value]) => value !== undefined))
    const { sysfs } = this.world.here.guest
    const around = { sysfs, answerMs: this.answerMs }
    const checks = virtualboxChecks(virtualboxSettings.parse(given), around)
    const results = await examine([{ service: 'virtualbox', checks }], PATIENCE)
    this.calls.push(...calls)
    return results
  }

  close(): Promise<void> {
    return this.world.close()
  }
}

/** All findings of a kind, each after the id of its check. */
export function linesOf(
  results: readonly CheckResult[],
  verdict: 'pass' | 'skip' | 'warn' | 'fail',
): string[] {
  return results.flatMap(({ id, findings }) =>
    findings.filter((one) => one.verdict === verdict).map(({ seen }) => `${id}: ${seen}`),
  )
}
