import { z } from 'zod'
import type { DriverKeys } from '../../src/config/driver-keys.ts'

/** The keys of the providers that are there; src/providers/index.ts has the real list. */
export const driverKeys: readonly DriverKeys[] = [
  {
    name: 'loop',
    aliases: [],
    settings: z.object({
      pool: z.string().optional().meta({
        description: "the folder that holds the volumes' files",
        default: '<lib>/loop',
      }),
      instance: z.string().optional().describe('the name of this machine; empty for its host name'),
    }),
  },
  {
    name: 'vfs',
    aliases: [],
    settings: z.object({
      pool: z.string().optional().meta({
        description: "the folder that holds the volumes' folders",
        default: '<lib>/vfs',
      }),
      instance: z.string().optional().describe('the name of this machine; empty for its host name'),
    }),
  },
]

/** A driver of a cloud, with a key of every kind. */
export const cloudDriver: DriverKeys = {
  name: 'ebs',
  aliases: ['ec2', 'aws'],
  settings: z.object({
    accessKey: z.string().min(4).meta({ secret: true }).optional(),
    region: z.string().default('us-east-1'),
    maxRetries: z.int().min(1).max(20).default(10),
    useLargeDeviceRange: z.boolean().default(false),
    zones: z.array(z.string()).default([]),
    mode: z.enum(['quick', 'deep']).default('quick'),
  }),
}
