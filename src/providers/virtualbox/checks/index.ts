import type { Check } from '../../../libstorage/check.ts'
import type { VirtualboxSettings } from '../config.ts'
import { controllerCheck } from './controller.ts'
import { Examined, type VirtualboxSurroundings } from './examined.ts'
import { folderCheck } from './folder.ts'
import { machineCheck } from './machine.ts'
import { logonCheck, serviceCheck, versionCheck } from './service.ts'

/** Answers come within milliseconds where all is well, and doctor gives each check five seconds. */
const IN_A_GUEST: VirtualboxSurroundings = { sysfs: '/sys', answerMs: 3_000 }

/** What `doctor` looks at for a service of VirtualBox: the way to the host, who asks, this machine there, and room. */
export function virtualboxChecks(
  settings: VirtualboxSettings,
  surroundings: VirtualboxSurroundings = IN_A_GUEST,
): readonly Check[] {
  const examined = new Examined(settings, surroundings)
  return [
    serviceCheck(examined),
    logonCheck(examined),
    versionCheck(examined),
    machineCheck(examined),
    controllerCheck(examined),
    folderCheck(examined),
  ]
}
