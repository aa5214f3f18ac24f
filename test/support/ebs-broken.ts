import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ACCESS_KEY, EbsClinic, linesOf, SECRET_KEY } from './ebs-clinic.ts'
import { ebsSpec } from './ebs-world.ts'

type Settings = Parameters<EbsClinic['examine']>[0]

/** One way in which a set-up is broken, and how the first line that says so begins. */
export interface Broken {
  readonly title: string
  /** Breaks it, and says the settings that belong to it. */
  readonly arrange: (clinic: EbsClinic) => Settings | Promise<Settings> | undefined
  readonly says: RegExp
  /** In the lines beneath it. */
  readonly remedy?: RegExp
  /** Whether it still works. */
  readonly works?: true
}

/** A region and a zone for where the machine is not asked. */
export const ALL_SET = { region: 'us-east-1', availabilityZone: 'us-east-1a' }

const OWN_VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
]

/** A clinic for each test of a file; what whoever runs it has in his own environment and files is none of it. */
export function clinicForEach(): { readonly current: () => EbsClinic } {
  let clinic: EbsClinic | undefined
  const current = () => {
    if (clinic === undefined) throw new Error('there is no test yet')
    return clinic
  }
  beforeEach(async () => {
    clinic = await EbsClinic.open()
    const nowhere = path.join(clinic.simulator.folder, 'nowhere')
    for (const name of OWN_VARIABLES) vi.stubEnv(name, undefined)
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', nowhere)
    vi.stubEnv('AWS_CONFIG_FILE', nowhere)
    vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', clinic.machine.metadata.endpoint)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await clinic?.close()
    clinic = undefined
  })
  return { current }
}

/** Tests that doctor names the cause of each in the first line that says no, with a way out. */
export function testBroken(setUps: readonly Broken[], current: () => EbsClinic): void {
  test.each(setUps)('$title: the first line names it', async ({ arrange, says, remedy, works }) => {
    const clinic = current()
    const settings = (await arrange(clinic)) ?? {}
    const results = await clinic.examine(settings)
    const failed = linesOf(results, 'fail')
    const [line] = works === true ? linesOf(results, 'warn') : failed
    expect(line).toMatch(says)
    if (works === true) expect(failed).toEqual([])
    const found = results.flatMap(({ id, findings }) => findings.map((one) => ({ id, ...one })))
    const finding = found.find(({ id, seen }) => `${id}: ${seen}` === line)
    expect(finding?.remedy).toMatch(remedy ?? /\S/)
    for (const one of found) if (one.verdict === 'fail') expect(one.remedy).toMatch(/\S/)
  })
}

/** Makes a volume as the machine of the clinic does. */
export async function ownVolume({ world, machine }: EbsClinic, name = 'data'): Promise<string> {
  const { driver } = await world.provider(machine, { accessKey: ACCESS_KEY, secretKey: SECRET_KEY })
  return (await driver.createVolume(ebsSpec(name))).id
}

/** Makes a volume and a snapshot of it as the machine of the clinic does. */
export async function ownSnapshot(clinic: EbsClinic): Promise<void> {
  const settings = { accessKey: ACCESS_KEY, secretKey: SECRET_KEY }
  const { driver } = await clinic.world.provider(clinic.machine, settings)
  await driver.snapshots?.create(await ownVolume(clinic), { name: 'nightly', labels: {} })
}

/** A volume as REX-Ray made it: with a name, and no other tag. */
export async function foreignVolume(clinic: EbsClinic, name = 'old'): Promise<string> {
  const id = await ownVolume(clinic, name)
  clinic.simulator.region.change(id, { tags: { Name: name } })
  return id
}

/** One that the machine of the clinic has. */
export async function foreignVolumeHere(clinic: EbsClinic): Promise<string> {
  const { world, machine } = clinic
  const id = await foreignVolume(clinic)
  const { driver } = await world.provider(machine, { accessKey: ACCESS_KEY, secretKey: SECRET_KEY })
  await driver.attachVolume(id, machine.id)
  return id
}

/** Makes the instance of the clinic another one, such as of another type. */
export function changeInstance({ simulator, machine }: EbsClinic, changed: object): void {
  const { region } = simulator
  region.instances.set(machine.id, { ...region.instance(machine.id), ...changed })
}
