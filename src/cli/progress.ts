import { sleep } from '../libstorage/wait.ts'

const SECOND_MS = 1_000
/** To the begin of the line, and away with what stands there. */
const CLEAR = '\r\u001b[K'

/** Where a person may be watching. */
export interface Screen {
  write(text: string): unknown
  readonly isTTY?: boolean
}

/** Does the work and says on a terminal, from its first second on, what is going on and for how long; leaves nothing there. */
export async function withProgress<T>(
  screen: Screen,
  doing: string,
  work: () => Promise<T>,
): Promise<T> {
  if (screen.isTTY !== true) return await work()
  const ended = new AbortController()
  const telling = tell(screen, doing, ended.signal)
  try {
    return await work()
  } finally {
    ended.abort()
    await telling
  }
}

async function tell(screen: Screen, doing: string, ended: AbortSignal): Promise<void> {
  for (let seconds = 1; ; seconds += 1) {
    const isOver = await sleep(SECOND_MS, ended).then(
      () => false,
      () => true,
    )
    if (isOver) {
      if (seconds > 1) screen.write(CLEAR)
      return
    }
    screen.write(`${CLEAR}${doing}, ${seconds} s so far`)
  }
}
