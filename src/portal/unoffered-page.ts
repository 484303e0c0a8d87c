import type { Context } from 'koa'
import { REFUSAL } from '../lifecycle/refusal.ts'
import { nameOfRow, type UnofferedRow } from '../tunnel/tunnel.ts'
import { describe } from './describe.ts'
import type { PortalOptions } from './options.ts'
import { refuseByPage } from './refusal-note.ts'
import { languageOf } from './reply.ts'
import type { Views } from './views.ts'

/** Replies to the owner of a tunnel whose kind is not offered: what is the matter, and how to delete it. */
export function sendUnoffered(
  ctx: Context,
  row: UnofferedRow,
  options: Pick<PortalOptions, 'facts' | 'words'> & {
    readonly views: Views
    readonly isDeleteUnsure?: boolean
  },
): void {
  const { facts, words, views, isDeleteUnsure = false } = options
  const isSuspended = row.state === 'suspended'
  const problems = [REFUSAL.broken(row), ...(isSuspended ? [REFUSAL.suspended()] : [])]
  const language = languageOf(ctx, words)
  refuseByPage(ctx, problems)
  if (isDeleteUnsure) ctx.status = 400
  views.send(ctx, 'unoffered', {
    title: language.title('tunnel-unoffered'),
    id: row.id,
    name: nameOfRow(row, facts.origin),
    problems: describe(problems, language),
    isDeletable: !isSuspended,
    isDeleteUnsure,
  })
}
