/**
 * Whether all of the lab is to run, `npm run lab:all`: half an hour more. A usual test run has the story of the
 * per-tunnel layout, the cases of the shared one, WireGuard, the clients' scripts and one home; it must end within twenty
 * minutes on two cores.
 */
export const IS_WHOLE_LAB = process.env.FREENET6_LAB === 'all'
