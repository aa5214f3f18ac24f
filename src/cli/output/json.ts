/** The text of a value as REX-Ray prints it: `json` compact, `jsonp` indented by two spaces, neither with a newline at its end. */
export function renderJson(value: unknown, format: 'json' | 'jsonp'): string {
  return format === 'json' ? JSON.stringify(value) : JSON.stringify(value, null, 2)
}
