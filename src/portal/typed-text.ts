/** Characters that nobody sees: marks of direction and of joints, soft hyphens, byte order marks. */
const UNSEEN = /\p{Format}+/gu

/**
 * A value as somebody meant it: without the white space around it and what came along unseen from where it was copied. What
 * they read again when they are refused looks right with it, and no value of ours has any.
 */
export function typedText(value: string): string {
  return value.replace(UNSEEN, '').trim()
}
