import { FailedPreconditionError } from './libstorage/errors.ts'

/** Throws a `FailedPreconditionError` where a service has no settings, as after a mistake in its configuration. */
export function requireSettings(service: string, settings: unknown): void {
  if (settings !== undefined) return
  throw new FailedPreconditionError({
    subject: `service ${service}`,
    problem: 'has no settings, because its configuration is wrong',
    remedy: 'remora config check',
  })
}
