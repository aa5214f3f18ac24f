/** What an element holds: text, further elements, or a list of items; an absent one is left out. */
export type Xml =
  | string
  | number
  | boolean
  | Date
  | undefined
  | readonly Xml[]
  | { readonly [name: string]: Xml }

/** An answer of EC2: `<ActionResponse>` with the request's id and the content. */
export function responseXml(
  action: string,
  requestId: string,
  content: { readonly [name: string]: Xml },
): string {
  const inside = elements({ requestId, ...content })
  return `${DECLARATION}<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${inside}</${action}Response>`
}

/** An answer that says no. */
export function errorXml(code: string, message: string, requestId: string): string {
  return `${DECLARATION}<Response>${elements({ Errors: { Error: { Code: code, Message: message } }, RequestID: requestId })}</Response>`
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

/** Elements one after the other; those of a list are called `item` by EC2 and `member` by IAM and STS. */
export function elements(
  content: { readonly [name: string]: Xml },
  inList: 'item' | 'member' = 'item',
): string {
  return Object.entries(content)
    .map(([name, value]) =>
      value === undefined ? '' : `<${name}>${inner(value, inList)}</${name}>`,
    )
    .join('')
}

function inner(value: Xml, inList: 'item' | 'member'): string {
  if (value === undefined) return ''
  if (Array.isArray(value))
    return value.map((item: Xml) => `<${inList}>${inner(item, inList)}</${inList}>`).join('')
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'object') return elements(value as { readonly [name: string]: Xml }, inList)
  return escaped(String(value))
}

function escaped(text: string): string {
  return text.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
