import { XMLParser } from 'fast-xml-parser'
import { ApiError } from './model.ts'
import { BadReference } from './sessions.ts'

const parser = new XMLParser({
  removeNSPrefix: true,
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
})

/** What was asked for, or undefined where that is no SOAP. */
export interface Asked {
  readonly operation: string
  readonly args: Readonly<Record<string, string | readonly string[]>>
}

export function parseRequest(body: string): Asked | undefined {
  try {
    const entries = Object.entries(parser.parse(body).Envelope.Body)
    const [operation, args] = entries.find(([name]) => name !== '#text') ?? []
    if (operation === undefined) return undefined
    return { operation, args: (args === '' ? {} : args) as Asked['args'] }
  } catch {
    return undefined
  }
}

/** The elements of an answer: names with values, or with the fields of a structure. */
export type Element = readonly [string, string | readonly Element[]]

export function answerXml(operation: string, elements: readonly Element[]): string {
  return envelope(`<vbox:${operation}Response>${written(elements)}</vbox:${operation}Response>`)
}

/** A fault as gSOAP writes it; a refused logon is one without a word. */
export function faultXml(error: unknown, errorInfo: string): string {
  const open = '<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode>'
  const close = '</SOAP-ENV:Fault>'
  if (error instanceof ApiError) {
    const apirc = `apirc=0x${(error.code >>> 0).toString(16)}`
    const words = `<faultstring>VirtualBox error: ${apirc} ${escaped(error.message)}</faultstring>`
    const detail = `<resultCode>${error.code | 0}</resultCode><returnval>${errorInfo}</returnval>`
    return envelope(
      `${open}${words}<detail><vbox:RuntimeFault>${detail}</vbox:RuntimeFault></detail>${close}`,
    )
  }
  if (error instanceof BadReference) {
    const words = `<faultstring>VirtualBox error: ${escaped(error.message)}</faultstring>`
    const detail = `<badObjectID>${escaped(error.reference)}</badObjectID>`
    return envelope(
      `${open}${words}<detail><vbox:InvalidObjectFault>${detail}</vbox:InvalidObjectFault></detail>${close}`,
    )
  }
  if (error instanceof NoSuchOperation) {
    const words = `Method 'v:${error.message}' not implemented: method name or namespace not recognized`
    return envelope(`${open}<faultstring>${words}</faultstring>${close}`)
  }
  return envelope(open + close)
}

/** An operation that this version does not have. */
export class NoSuchOperation extends Error {}

/** A logon with a wrong password, or to a service that has lost what it stands for. */
export class Refusal extends Error {}

function envelope(body: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:vbox="http://www.virtualbox.org/">' +
    `<SOAP-ENV:Body>${body}</SOAP-ENV:Body></SOAP-ENV:Envelope>`
  )
}

function written(elements: readonly Element[]): string {
  return elements
    .map(([name, value]) => {
      const content = typeof value === 'string' ? escaped(value) : written(value)
      return content === '' ? `<${name}/>` : `<${name}>${content}</${name}>`
    })
    .join('')
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#xD;')
}
