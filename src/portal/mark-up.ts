import Handlebars from 'handlebars'

/** A link to a page of ours, or to a place on the same page. */
const LINK = /\[([^\]]*)\]\(([/#][a-z0-9/#.-]*)\)/g

/** Makes HTML of the three marks that sentences of templates/words may have: `code`, *strong*, [a link](/path). */
export function markUp(sentence: string): string {
  return sentence
    .replace(LINK, '<a href="$2">$1</a>')
    .replace(/`([^`]*)`/g, '<code>$1</code>')
    .replace(/\*([^*]*)\*/g, '<strong>$1</strong>')
}

/** A value that is to stand in a sentence: neither HTML nor a mark is read in it. Handlebars escapes the backquote. */
export function escapeValue(value: string): string {
  return Handlebars.escapeExpression(value).replace(/[*[\]]/g, mark => `&#${mark.charCodeAt(0)};`)
}

/** A sentence of ours that holds no value, for a page that shows what it was given: its marks are HTML there. */
export function marked(sentence: string): Handlebars.SafeString {
  return new Handlebars.SafeString(markUp(sentence))
}
