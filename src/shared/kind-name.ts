/** The kinds of tunnel that there are, as configuration, API, commands and table call them; the first needs no naming. */
export const KIND_NAMES = ['sit', 'wireguard'] as const

export type KindName = (typeof KIND_NAMES)[number]
