import { InvalidArgumentError } from '../libstorage/errors.ts'

/**
 * Options that mount(8) acts on itself, and those that change how the mount is seen elsewhere: they would mount
 * something other than the volume, or somewhere else.
 */
const REFUSED =
  /^(ro|bind|rbind|move|remount|loop|offset|sizelimit|helper|uhelper|users?|owner|group|noauto|nofail|_netdev|r?(shared|private|slave|unbindable)|make-.*|x-.*|comment|encryption|verity\..*|root(hash|context)?)$/i

/** Splits `noatime,discard` into its options. Throws `InvalidArgumentError` for one that is never passed on. */
export function requireMountOptions(text: string): readonly string[] {
  const options = text
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '')
  for (const option of options) {
    const refused = REFUSED.test(option.split('=')[0] ?? '') || /\s/.test(option)
    if (!refused) continue
    throw new InvalidArgumentError({
      subject: `mount option "${option}"`,
      problem: 'is not one of the file system',
      remedy: 'leave it out of mountopts',
    })
  }
  return options
}
