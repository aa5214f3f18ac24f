/** What EC2 answers instead of a result. */
export class ApiError extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status = 400) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** The refusal of an id that names nothing; EC2 lists all that are missing, and only those. */
export function notFound(
  kind: 'volume' | 'instance' | 'snapshot',
  ids: readonly string[],
): ApiError {
  const codes = {
    volume: 'InvalidVolume.NotFound',
    instance: 'InvalidInstanceID.NotFound',
    snapshot: 'InvalidSnapshot.NotFound',
  }
  const noun = kind === 'instance' ? 'instance ID' : kind
  const text =
    ids.length === 1
      ? `The ${noun} '${ids[0]}' does not exist${kind === 'instance' ? '' : '.'}`
      : `The ${noun}s '${ids.join(', ')}' do not exist${kind === 'instance' ? '' : '.'}`
  return new ApiError(codes[kind], text)
}
