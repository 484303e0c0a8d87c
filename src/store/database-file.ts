import { join } from 'node:path'

/** Where the table is kept. */
export function databaseFile({ data_dir }: { readonly data_dir: string }): string {
  return join(data_dir, 'freenet6.db')
}

/** The file that a process holds locked for as long as it has the table. */
export function lockFile(config: { readonly data_dir: string }): string {
  return `${databaseFile(config)}.lock`
}
