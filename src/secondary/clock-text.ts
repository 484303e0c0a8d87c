/** How a secondary's clock differs from ours. */
export function textOfClock(secondsAhead: number): string {
  return `${Math.abs(secondsAhead)} s ${secondsAhead > 0 ? 'ahead of' : 'behind'} ours`
}
