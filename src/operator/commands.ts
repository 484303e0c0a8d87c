import { auditCommand } from './audit-command.ts'
import { backupCommand } from './backup-command.ts'
import type { Command, Operated } from './command.ts'
import type { ControlHandler } from './control.ts'
import { invitationAdd, invitationList, invitationRevoke } from './invitation-commands.ts'
import { logCommand } from './log-command.ts'
import { notifyCommand } from './notify-command.ts'
import { documentOfLines } from './problem-document.ts'
import { reloadCommand } from './reload-command.ts'
import { restartCommand } from './restart-command.ts'
import { statusCommand } from './status-command.ts'
import { tunnelAdd } from './tunnel-add-command.ts'
import {
  tunnelEmail,
  tunnelEndpoint,
  tunnelMtu,
  tunnelNote,
  tunnelPublicKey,
  tunnelRoutedPrefix,
  tunnelWebhook,
} from './tunnel-change-commands.ts'
import {
  tunnelDelete,
  tunnelList,
  tunnelRenewKey,
  tunnelResume,
  tunnelShow,
  tunnelSuspend,
} from './tunnel-commands.ts'
import { tunnelWhy } from './why-command.ts'
import { zoneDump, zoneList } from './zone-commands.ts'

/**
 * The operator's commands, in the order of the usage. The command line, `--json`, the usage and the control socket are
 * all made from this table: a new command is a row here.
 */
export const COMMANDS: readonly Command[] = [
  statusCommand,
  tunnelList,
  tunnelShow,
  tunnelWhy,
  tunnelAdd,
  tunnelDelete,
  tunnelSuspend,
  tunnelResume,
  tunnelRenewKey,
  tunnelNote,
  tunnelEndpoint,
  tunnelPublicKey,
  tunnelMtu,
  tunnelRoutedPrefix,
  tunnelEmail,
  tunnelWebhook,
  invitationAdd,
  invitationList,
  invitationRevoke,
  zoneList,
  zoneDump,
  auditCommand,
  logCommand,
  reloadCommand,
  restartCommand,
  notifyCommand,
  backupCommand,
]

/** Runs the commands of the table, as they come over the control socket or from a command that found no process. */
export function operatorHandler(operated: Operated): ControlHandler {
  return async (name, parameters) => {
    const command = COMMANDS.find(command => command.name === name)
    if (command !== undefined) return command.run(operated, parameters)
    const known = COMMANDS.map(command => command.name).join(', ')
    return {
      problem: documentOfLines('command-usage', [
        `There is no command ${JSON.stringify(name)}; known: ${known}.`,
      ]),
    }
  }
}
