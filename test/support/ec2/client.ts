import { EC2Client } from '@aws-sdk/client-ec2'
import type { Ec2Simulator } from './simulator.ts'

/** A client of the SDK that asks the simulator, without repeats of its own. */
export function clientOf(simulator: Ec2Simulator, region = 'us-east-1'): EC2Client {
  return new EC2Client({
    region,
    endpoint: simulator.endpoint,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts: 1,
  })
}

/** The code with which EC2 refuses a request. */
export async function refusal(request: Promise<unknown>): Promise<string> {
  try {
    await request
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
  return 'no refusal'
}
