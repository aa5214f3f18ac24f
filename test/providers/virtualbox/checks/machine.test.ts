import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe } from 'vitest'
import { ApiError, type SimController } from '../../../support/virtualbox/model.ts'
import { type Broken, testBroken } from '../../../support/virtualbox-broken.ts'
import type { VirtualboxClinic } from '../../../support/virtualbox-clinic.ts'

const here = ({ world }: VirtualboxClinic) => world.here.machine
const firmware = ({ world }: VirtualboxClinic, uuid: string) => world.here.guest.writeFirmware(uuid)
const noUuid = ({ world }: VirtualboxClinic) =>
  rmSync(path.join(world.here.guest.sysfs, 'class/dmi/id/product_uuid'))
const controller = (name: string, bus: string, portCount = 4): SimController => ({
  kind: 'IStorageController',
  name,
  bus,
  portCount,
})

const MACHINE: readonly Broken[] = [
  {
    title: 'the web service belongs to another user, who has other machines',
    arrange: (one) => firmware(one, '00000000-0000-0000-0000-000000000001') ?? {},
    says: /^virtualbox.machine: this machine has hardware UUID 0{8}-\S+1, which none of the machines has/,
    remedy:
      /^run vboxwebsrv as the user who owns this machine.*\n.*virtualbox.localMachineNameOrId/,
  },
  {
    title: 'this is no guest of VirtualBox',
    arrange: (one) => {
      firmware(one, '00000000-0000-0000-0000-000000000001')
      const { sysfs } = one.world.here.guest
      writeFileSync(path.join(sysfs, 'class/dmi/id/product_name'), 'KVM\n')
      return {}
    },
    says: /^virtualbox.machine: .*; its firmware calls it KVM, which may be no guest of VirtualBox/,
    remedy: /virtualbox.localMachineNameOrId/,
  },
  {
    title: 'two machines have its hardware UUID',
    arrange: (one) => {
      one.world.there.machine.hardwareUuid = here(one).hardwareUuid
      return {}
    },
    says: /^virtualbox.machine: .* several machines of the host have: here \(\S+\), there \(/,
    remedy: /virtualbox.localMachineNameOrId/,
  },
  {
    title: 'neither its hardware UUID can be read nor its addresses are known',
    arrange: (one) => noUuid(one) ?? {},
    says: /^virtualbox.machine: this machine is none of the machines that the web service knows/,
    remedy: /virtualbox.localMachineNameOrId/,
  },
  {
    title: 'a machine is configured that there is not',
    arrange: () => ({ localMachineNameOrId: 'nobody' }),
    says: /^virtualbox.machine: virtualbox.localMachineNameOrId "nobody" is no machine of the host/,
    remedy: /VBoxManage list vms/,
  },
  {
    title: 'the configuration was copied from another machine',
    arrange: () => ({ localMachineNameOrId: 'there' }),
    says: /^virtualbox.machine: virtualbox.localMachineNameOrId says that this machine is "there", and its hardware that it is "here"/,
    remedy: /set virtualbox.localMachineNameOrId to "here", or leave it out/,
  },
  {
    title: 'it is taken for a machine that is off',
    arrange: (one) => {
      one.world.host.power(here(one), 'PoweredOff')
      return {}
    },
    says: /^virtualbox.machine: this machine is taken for "here" \(\S+\) by its hardware UUID, which is PoweredOff/,
    remedy: /VBoxManage list runningvms/,
  },
  {
    title: 'the controller has another name',
    arrange: (one) => {
      here(one).controllers = [controller('IDE', 'IDE'), controller('SATA Controller', 'SATA')]
      return {}
    },
    says: /^virtualbox.controller: this machine has no controller "SATA"; it has "IDE" \(IDE\), "SATA Controller" \(SATA\)/,
    remedy: /^set virtualbox.controllerName to "SATA Controller"$/,
  },
  {
    title: 'the controller is none that takes disks while a machine runs',
    arrange: (one) => {
      here(one).controllers = [controller('IDE', 'IDE')]
      return { controllerName: 'IDE' }
    },
    says: /^virtualbox.controller: controller "IDE" is IDE: only SATA takes disks/,
    remedy: /^VBoxManage storagectl \S+ --name SATA --add sata .*--portcount 30/,
  },
  {
    title: 'no port is free',
    options: { portCount: 2 },
    says: /^virtualbox.controller: controller "SATA" has none of its 2 ports free/,
    remedy: /^VBoxManage storagectl \S+ --name "SATA" --portcount 30/,
  },
  {
    title: 'few ports are free',
    options: { portCount: 3 },
    says: /^virtualbox.controller: controller "SATA" has 1 of its 3 ports free/,
    remedy: /--portcount 30/,
    works: true,
  },
]

const FOLDER: readonly Broken[] = [
  {
    title: 'no folder is configured',
    arrange: () => ({ volumePath: undefined }),
    says: /^virtualbox.folder: virtualbox.volumePath is not set/,
    remedy: /^mkdir .*\nset virtualbox.volumePath/,
  },
  {
    title: 'the folder is written as another system does',
    arrange: (one) => {
      one.world.host.folders.system = 'Windows 11'
      return {}
    },
    says: /^virtualbox.folder: virtualbox.volumePath \/home\/me\/volumes is no path of the host, which is Windows 11/,
    remedy: /C:\\Users\\me\\volumes/,
  },
  {
    title: 'the folder is written as Windows does, and the host is none',
    arrange: () => ({ volumePath: 'D:\\volumes' }),
    says: /^virtualbox.folder: virtualbox.volumePath D:\\volumes is no path of the host, which is Linux/,
    remedy: /\/home\/me\/volumes/,
  },
  {
    title: 'the folder is not there yet',
    arrange: () => ({ volumePath: '/home/me/new/' }),
    says: /^virtualbox.folder: \/home\/me\/new\/ is not there on the host, .*; VirtualBox makes it/,
    remedy: /^mkdir -p \/home\/me\/new\//,
    works: true,
  },
  {
    title: 'the disk of the folder is not mounted on the host',
    arrange: async (one) => {
      const { driver } = await one.world.provider()
      await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
      one.world.host.folders.readable.delete('/home/me/volumes')
      return {}
    },
    says: /^virtualbox.folder: \/home\/me\/volumes is not there on the host, .* and VirtualBox knows 1 disk in it/,
    remedy: /mount what belongs there/,
  },
  {
    title: 'the folder is a file, or belongs to somebody else',
    arrange: (one) => {
      one.world.host.folders.closed.add('/home/me/secret')
      return { volumePath: '/home/me/secret' }
    },
    says: /^virtualbox.folder: \/home\/me\/secret on the host is no folder, or one that the user of vboxwebsrv must not read/,
    remedy: /^ls -ld \/home\/me\/secret/,
  },
  {
    title: 'the disk of the folder hangs',
    arrange: (one) => {
      one.world.host.folders.hangs = true
      return {}
    },
    says: /^virtualbox.folder: folder \/home\/me\/volumes of the host does not answer within 2.5 s/,
    remedy: /hangs/,
  },
  {
    title: 'VirtualBox has no way to look into folders',
    arrange: (one) => {
      one.world.service.failNext('IVirtualBox_getHost', () => new ApiError(0x80004001, ''))
      one.world.service.failNext('IVirtualBox_createAppliance', () => new ApiError(0x80004001, ''))
      return {}
    },
    says: /^virtualbox.folder: whether \/home\/me\/volumes is there on the host, this version of VirtualBox does not tell/,
    remedy: /^ls -ld/,
    works: true,
  },
]

describe('where this machine or its controller is broken', () => testBroken(MACHINE))
describe('where the folder for volumes is broken', () => testBroken(FOLDER))
