const HTML: Readonly<Record<string, string>> = {
  '\0': '\uFFFD',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
}

/** A text for HTML, as Go's `html` writes it. */
export function htmlEscaped(text: string): string {
  return text.replaceAll(/[\0"'&<>]/g, (character) => HTML[character] ?? character)
}

/** A text for a string of JavaScript, as Go's `js` writes it. */
export function jsEscaped(text: string): string {
  return text
    .replaceAll(/[\\'"]/g, '\\$&')
    .replaceAll(/[<>&=]|[^\p{L}\p{M}\p{N}\p{P}\p{S} \x7f]/gu, (character) => {
      const code = character.codePointAt(0) ?? 0
      return `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`
    })
}

/** A text for the query of a URL, as Go's `urlquery` writes it. */
export function queryEscaped(text: string): string {
  return Buffer.from(text)
    .toString('latin1')
    .replaceAll(/[^\w.~-]/g, (byte) => {
      if (byte === ' ') return '+'
      return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
    })
}
