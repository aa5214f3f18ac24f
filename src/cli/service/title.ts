import type { CommandContext } from '../context.ts'

/** What scripts of REX-Ray's read where they call it by that name. */
export function titleOf({ programName }: Pick<CommandContext, 'programName'>): string {
  return programName === 'rexray' ? 'REX-Ray' : 'Remora'
}
