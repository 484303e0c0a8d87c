/** The URL of a mailbox; a local part has signs that mean something else in one (RFC 6068 2). */
export function mailtoOf(mailbox: string): string {
  const at = mailbox.lastIndexOf('@')
  return `mailto:${encodeURIComponent(mailbox.slice(0, at))}@${encodeURIComponent(mailbox.slice(at + 1))}`
}
