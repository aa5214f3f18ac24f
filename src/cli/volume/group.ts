import type { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import type { RunWork } from '../program.ts'
import { sessionGroup } from '../session-group.ts'
import { withExamples } from '../verb.ts'
import { attachCommand } from './attach.ts'
import { createCommand } from './create.ts'
import { detachCommand } from './detach.ts'
import { lsCommand } from './ls.ts'
import { mountCommand } from './mount.ts'
import { pathCommand } from './path.ts'
import { resizeCommand } from './resize.ts'
import { rmCommand } from './rm.ts'
import { unmountCommand } from './unmount.ts'

/** The commands `volume …`. */
export function volumeCommands(context: CommandContext, runs: RunWork): Command {
  const group = sessionGroup(
    {
      name: 'volume',
      description:
        'list volumes, or create, resize, remove, attach, detach, mount and unmount them',
      things: 'volumes',
      verbs: [
        lsCommand,
        createCommand,
        resizeCommand,
        rmCommand,
        attachCommand,
        detachCommand,
        mountCommand,
        unmountCommand,
        pathCommand,
      ],
    },
    context,
    runs,
  )
  return withExamples(group, ['volume', 'volume create data', 'volume mount data'])
}
