/**
 * Imported before the broker's own code. It has no koffi for the kernel then, so that it changes the kernel by `ip` and
 * `nft`, which the walk has put its own in the place of. The answering threads have it.
 */
import { registerHooks } from 'node:module'

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'koffi' && context.parentURL?.includes('/src/kernel/')) {
      throw new Error('koffi is kept from the kernel')
    }
    return next(specifier, context)
  },
})
