import type { NftOutcome, RunNft } from './nft-command.ts'

/** Of the library's context, which is a pointer. */
type Context = object

interface Library {
  readonly run: (context: Context, commands: string) => Promise<number>
  readonly setOutput: (context: Context, flags: number) => void
  readonly output: (context: Context) => string
  readonly error: (context: Context) => string
}

const LIBRARY = 'libnftables.so.1'
/** NFT_CTX_OUTPUT_TERSE: sets are listed without their elements, as by the program's option -t. */
const TERSE = 1 << 11

/**
 * Runs what `nft` runs by the library that `nft` is made of, on a thread of Node's own: a change takes milliseconds, and
 * no process starts. Undefined if the library, or koffi, is not there; whoever asks then runs the program.
 */
export async function openNftLibrary(): Promise<RunNft | undefined> {
  try {
    const koffi = (await import('koffi')).default
    const { library, context } = bind(koffi)
    let last: Promise<unknown> = Promise.resolve()
    return (args, input = '') => {
      const outcome = last.then(() => {
        library.setOutput(context, args[0] === '-t' ? TERSE : 0)
        return run(library, context, commandsOf(args, input))
      })
      last = outcome.catch(() => undefined) // it has its caller, and is not the next one's
      return outcome
    }
  } catch {
    return undefined
  }
}

/** A context can do one thing at a time, so calls wait for each other. */
async function run(library: Library, context: Context, commands: string): Promise<NftOutcome> {
  const status = await library.run(context, commands)
  return { status, stdout: library.output(context), stderr: library.error(context) }
}

/** The program's arguments `-f -` stand for its standard input; others are a command. */
function commandsOf(args: readonly string[], input: string): string {
  return args[0] === '-f' ? input : args.filter(word => word !== '-t').join(' ')
}

function bind(koffi: typeof import('koffi').default): { library: Library; context: Context } {
  const nftables = koffi.load(LIBRARY)
  const open: (flags: number) => Context | null = nftables.func('void *nft_ctx_new(uint32_t flags)')
  const context = open(0)
  if (context === null) throw new Error('no context')
  for (const channel of ['output', 'error'])
    nftables.func(`int nft_ctx_buffer_${channel}(void *context)`)(context)
  const runBuffer = nftables.func('int nft_run_cmd_from_buffer(void *context, const char *commands)')
  const library = {
    run: (of: Context, commands: string) => {
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      runBuffer.async(of, commands, (error: Error | null, status: number) => {
        if (error === null) resolve(status)
        else reject(error)
      })
      return promise
    },
    setOutput: nftables.func('void nft_ctx_output_set_flags(void *context, uint32_t flags)'),
    output: nftables.func('const char *nft_ctx_get_output_buffer(void *context)'),
    error: nftables.func('const char *nft_ctx_get_error_buffer(void *context)'),
  }
  return { library, context }
}
