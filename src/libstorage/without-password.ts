/** A text without the passwords of the URLs in it: `http://bob:***@host`. */
export function withoutPassword(text: string): string {
  return text.replace(/(:\/\/[^/@:\s]*):[^/@\s]*@/g, '$1:***@')
}
