import { vi } from 'vitest'

/** How long a loaded machine may take for what a quiet one does at once, in milliseconds. */
const PATIENCE_MS = 15_000

/** Tries until it holds, and resolves with what it comes to; rejects with the last failure when the time is up. */
export function eventually<T>(
  holds: () => T | Promise<T>,
  { interval = 50 }: { readonly interval?: number } = {},
): Promise<T> {
  return vi.waitFor(holds, { timeout: PATIENCE_MS, interval })
}
