import * as z from 'zod'
import type { ProviderDefinition } from '../definition.ts'

const text = (description: string) => z.string().min(1).optional().describe(description)

/** The host's own form: of Windows a drive or a share begins it. */
const ABSOLUTE = /^(?:\/|[A-Za-z]:[\\/]|\\\\)/

/** The keys beneath `virtualbox.`: REX-Ray's, and below them what is new. */
export const virtualboxSettings = z.object({
  endpoint: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as http://10.0.2.2:18083' })
    .default('http://10.0.2.2:18083')
    .describe('the URL of vboxwebsrv on the host; by default where a NAT guest sees it'),
  userName: text('the user on the host that owns the machines; none where authentication is off'),
  password: z.string().optional().meta({ description: 'the password of that user', secret: true }),
  volumePath: z
    .string()
    .regex(ABSOLUTE, 'must be an absolute path on the host, without ~')
    .optional()
    .describe('the folder on the host that holds the volumes, and nothing else; must be set'),
  controllerName: z
    .string()
    .min(1)
    .default('SATA')
    .describe('the SATA controller that volumes are attached to, by its name'),
  localMachineNameOrId: text('this machine by name or UUID, where it cannot be told from inside'),
  tls: z
    .boolean()
    .default(false)
    .describe('whether to speak TLS; the certificate is verified, which REX-Ray never did'),
  diskIDPath: z
    .string()
    .min(1)
    .default('/dev/disk/by-id')
    .describe('where udev names disks by serial number; asked only where sysfs cannot tell'),
  scsiHostPath: z
    .string()
    .min(1)
    .default('/sys/class/scsi_host/')
    .describe('where the kernel is asked to look for new disks'),
  caFile: text('the certificates to trust besides the usual ones, as a PEM file'),
  tlsInsecure: z
    .boolean()
    .default(false)
    .describe('whether any certificate will do: as with REX-Ray, whoever is in between sees all'),
})

/** The settings of one service, parsed. */
export type VirtualboxSettings = z.infer<typeof virtualboxSettings>

/** Volumes as disk images on the host of a VirtualBox machine. */
export const virtualboxDefinition: ProviderDefinition = {
  name: 'virtualbox',
  aliases: [],
  settings: virtualboxSettings,

  async unavailable() {
    return process.getuid?.() === 0 ? undefined : 'needs root'
  },

  async create(settings, context) {
    const { createVirtualboxProvider } = await import('./index.ts')
    return createVirtualboxProvider(virtualboxSettings.parse(settings), context)
  },

  async checks(settings) {
    const { virtualboxChecks } = await import('./checks/index.ts')
    return virtualboxChecks(virtualboxSettings.parse(settings))
  },
}
