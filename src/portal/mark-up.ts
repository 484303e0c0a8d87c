/** A link to a page of ours, or to a place on the same page. */
const LINK = /\[([^\]]*)\]\(([/#][a-z0-9/#-]*)\)/g

/**
 * The three marks that sentences of templates/words may have: `code`, *strong*, [a link](/path). Values in the
 * sentence are escaped before: Handlebars makes backquotes entities, and none of the marks is read in an entity.
 */
export function markUp(sentence: string): string {
  return sentence
    .replace(LINK, '<a href="$2">$1</a>')
    .replace(/`([^`]*)`/g, '<code>$1</code>')
    .replace(/\*([^*]*)\*/g, '<strong>$1</strong>')
}
