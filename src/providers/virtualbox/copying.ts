import type { WebSession } from './client.ts'
import { writeFacts } from './facts.ts'
import type { Medium } from './media.ts'
import { makeMedium, requireFinished, type WantedMedium } from './media-making.ts'
import { type PropertiesContext, withoutProperties } from './own-properties.ts'

/** How long a copy may take, in milliseconds: a slow disk copies a terabyte in some hours. */
const COPYING_MS = 24 * 3_600_000

/** What copying works with. */
export interface CopyingContext extends PropertiesContext {
  readonly endpoint: string
}

/**
 * Makes a medium with the content of another one, and resolves with its id. It has its name and its file from the beginning,
 * and is marked as unfinished until it is whole: nobody takes it for a volume, and what stays of it is swept.
 */
export async function makeCopy(
  context: CopyingContext,
  session: WebSession,
  { source, ...wanted }: WantedMedium & { readonly source: Medium },
  signal: AbortSignal | undefined,
): Promise<string> {
  const { subject, facts } = wanted
  const maker = await context.makers.begin(session)
  const marked = { ...wanted, facts: { ...facts, unfinished: maker } }
  try {
    return await makeMedium(context, session, marked, signal, async (target) => {
      await withoutProperties(context, session, source, async () => {
        const copy = { _this: source.ref, target, variant: ['Standard'] }
        const progress = await session.call('IMedium_cloneToBase', copy)
        await requireFinished(session, progress, `the making of ${subject}`, COPYING_MS)
      })
      await writeFacts(session, target, facts)
    })
  } finally {
    context.makers.end(maker)
  }
}
