import { z } from 'zod'
import type { DriverKeys } from '../../src/config/driver-keys.ts'

const poolSettings = z.object({
  pool: z
    .string()
    .refine((path) => path.startsWith('/'), 'must be an absolute path')
    .optional()
    .describe(
      'the folder that holds the volumes; by default one of its own beneath the library folder',
    ),
  instance: z
    .string()
    .min(1)
    .optional()
    .describe("this machine's name among all that share the pool; by default its host name"),
})

/** The keys of the local providers, as src/providers has them. */
export const driverKeys: readonly DriverKeys[] = [
  { name: 'loop', aliases: [], settings: poolSettings },
  { name: 'vfs', aliases: [], settings: poolSettings },
]

/** A driver of a cloud, with a key of every kind. */
export const cloudDriver: DriverKeys = {
  name: 'ebs',
  aliases: ['aws', 'ec2'],
  settings: z.object({
    accessKey: z.string().min(4).meta({ secret: true }).optional(),
    secretKey: z.string().meta({ secret: true }).optional(),
    rexrayTag: z.string().optional(),
    region: z.string().default('us-east-1'),
    maxRetries: z.int().min(1).max(20).default(10),
    useLargeDeviceRange: z.boolean().default(false),
    zones: z.array(z.string()).default([]),
    mode: z.enum(['quick', 'deep']).default('quick'),
    statusTimeout: z
      .string()
      .default('2m')
      .transform((text) => text.length),
  }),
}
