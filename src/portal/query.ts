import type { Context } from 'koa'
import { typedText } from './typed-text.ts'

/**
 * A value of the request's query as it was meant; undefined: it is not given. Different values of one
 * name are none of those that we know: they come joined by commas.
 */
export function queryValue(ctx: Context, name: string): string | undefined {
  const given = ctx.query[name]
  if (given === undefined) return undefined
  return [...new Set([given].flat().map(typedText))].join(',')
}
