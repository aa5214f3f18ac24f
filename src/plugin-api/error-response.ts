import { isStorageError } from '../libstorage/errors.ts'
import { asItIs, type Wording } from '../mount/linux/outside-paths.ts'

/** What a failed call answers: Docker and Podman both read `Err`, Podman only where the status is not 200. */
export interface ErrorBody {
  readonly Err: string
}

/**
 * The answer to a body that got lost. Docker repeats a call whose connection broke without its body; a success would make
 * it believe in a volume that was never made (moby#35459, moby#39331).
 */
export const LOST_BODY: ErrorBody = { Err: 'empty request (retry of an interrupted call)' }

/** The error of a call in REX-Ray's words; a bug is not explained to the client, its story is in the log. */
export function errorBody(
  call: string,
  volume: string,
  error: unknown,
  wording: Wording = asItIs,
): ErrorBody {
  const message = isStorageError(error)
    ? wording(error.message)
    : 'internal error, see the log of the plugin'
  const about = volume === '' ? call : `${call}: ${volume}`
  return { Err: `docker-legacy: ${about}: failed: ${message}` }
}
