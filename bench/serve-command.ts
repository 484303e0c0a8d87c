import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const CLI = join(ROOT, 'src', 'cli.ts')

/** The command line that serves a configuration as `npm start` does, with its flags of Node: what is measured is what people run. */
export function serveCommand(config: string, logLevel: 'warn' | 'error' = 'warn'): readonly string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly scripts: { readonly start: string }
  }
  const flags = scripts.start.split(' ').filter(word => word.startsWith('--'))
  return [
    'env',
    `FREENET6_LOG_LEVEL=${logLevel}`,
    process.execPath,
    ...flags,
    CLI,
    'serve',
    '--config',
    config,
  ]
}
