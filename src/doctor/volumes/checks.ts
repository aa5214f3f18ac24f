import type { Check } from '../../libstorage/check.ts'
import { attachmentsCheck } from './attachments.ts'
import { fileSystemsCheck } from './file-systems.ts'
import { ledgerCheck } from './ledger.ts'
import { mountsCheck } from './mounts.ts'
import { namesCheck } from './names.ts'
import { brokenCheck, platformCheck } from './platform.ts'
import type { ServiceLook } from './service-look.ts'
import { snapshotsCheck } from './snapshots.ts'
import { unfinishedCheck } from './unfinished.ts'
import { unusedCheck } from './unused.ts'

/** What is looked at of the volumes of a service, whatever its driver. */
export function serviceChecks(look: ServiceLook): readonly Check[] {
  return [
    ledgerCheck(look),
    platformCheck(look),
    brokenCheck(look),
    attachmentsCheck(look),
    mountsCheck(look),
    unfinishedCheck(look),
    fileSystemsCheck(look),
    namesCheck(look),
    unusedCheck(look),
    snapshotsCheck(look),
  ]
}
