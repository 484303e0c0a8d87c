/** What a browser says of the system that it runs on, the more special first, and the systems that it may mean by id. */
const SIGNS: readonly (readonly [sign: RegExp, ids: readonly string[]])[] = [
  [/android/i, ['android']], // says Linux too
  [/iphone|ipad|ipod/i, ['ios']], // say 'like Mac OS X' too
  [/openwrt/i, ['openwrt']],
  [/freebsd/i, ['freebsd']],
  [/openbsd/i, ['openbsd']],
  [/netbsd/i, ['netbsd']],
  [/windows/i, ['windows']],
  [/mac os x|macintosh|macos|darwin/i, ['macos']],
  [/cros/i, []], // its user has no root
  [/fedora|ubuntu/i, ['networkmanager', 'linux']], // their desktops
  [/debian/i, ['debian', 'linux']],
  [/linux/i, ['linux']],
]

/**
 * The id of the system that a visitor sits at, by its User-Agent; undefined if that says nothing, or names a system that is
 * not among `ids`. A guess: the host that will have the tunnel may be another one.
 */
export function guessSystem(userAgent: string, ids: readonly string[]): string | undefined {
  const [, candidates = []] = SIGNS.find(([sign]) => sign.test(userAgent)) ?? []
  return candidates.find(id => ids.includes(id))
}
