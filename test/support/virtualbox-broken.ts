import { afterEach, expect, test } from 'vitest'
import { linesOf, VirtualboxClinic } from './virtualbox-clinic.ts'

type Settings = Parameters<VirtualboxClinic['examine']>[0]

/** One way in which a set-up is broken, and how the first line that says so begins. */
export interface Broken {
  readonly title: string
  readonly options?: ConstructorParameters<typeof VirtualboxClinic>[0]
  /** Breaks it, and says the settings that belong to it. */
  readonly arrange?: (clinic: VirtualboxClinic) => Settings | Promise<Settings>
  readonly says: RegExp
  /** In the lines beneath it. */
  readonly remedy: RegExp
  /** Whether it still works. */
  readonly works?: true
}

/** Tests that doctor names the cause of each in the first line that says no, with a way out, and no secret. */
export function testBroken(setUps: readonly Broken[]): void {
  let clinic: VirtualboxClinic | undefined
  afterEach(async () => {
    await clinic?.close()
    clinic = undefined
  })

  test.each(setUps)('$title: the first line names it', async (broken) => {
    const { options, arrange, says, remedy, works } = broken
    clinic = new VirtualboxClinic(options)
    const results = await clinic.examine(await arrange?.(clinic))
    const failed = linesOf(results, 'fail')
    const [line] = works === true ? linesOf(results, 'warn') : failed
    expect(line).toMatch(says)
    if (works === true) expect(failed).toEqual([])
    const found = results.flatMap(({ id, findings }) => findings.map((one) => ({ id, ...one })))
    const finding = found.find(({ id, seen }) => `${id}: ${seen}` === line)
    expect(finding?.remedy).toMatch(remedy)
    for (const one of found) if (one.verdict === 'fail') expect(one.remedy).toMatch(/\S/)
    expect(JSON.stringify(results)).not.toContain('wrong-secret')
  })
}
