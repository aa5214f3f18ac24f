import { XMLParser } from 'fast-xml-parser'
import { type FaultKind, VboxFault } from './fault.ts'
import type { Argument, RawResult } from './operations.ts'

const NAMESPACE = 'http://www.virtualbox.org/'
/** What XML 1.0 has no way to write. */
const ILLEGAL = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu

const parser = new XMLParser({
  removeNSPrefix: true,
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  // Without it numeric references stay as they are.
  htmlEntities: true,
  isArray: (name) => name === 'returnval' || name === 'returnNames',
})

/** The message that asks for an operation (SOAP 1.1, document/literal): its arguments have no namespace. */
export function request(operation: string, args: Readonly<Record<string, Argument>>): string {
  const elements = Object.entries(args).flatMap(([name, value]) =>
    (typeof value === 'object' ? value : [value]).map(
      (one) => `<${name}>${escaped(String(one))}</${name}>`,
    ),
  )
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:v="${NAMESPACE}"><s:Body>` +
    `<v:${operation}>${elements.join('')}</v:${operation}></s:Body></s:Envelope>`
  )
}

/** Reads the answer to an operation. Throws the `VboxFault` that it is, or one of kind `no-soap` where it is cut off or something else. */
export function readAnswer(operation: string, xml: string): RawResult {
  const body = child(child(parsed(xml), 'Envelope'), 'Body')
  const fault = child(body, 'Fault')
  if (fault !== undefined) throw faultOf(operation, fault)
  const answer = body?.[`${operation}Response`]
  // What was cut off is parsed as far as it goes.
  if (answer === undefined || !/<\/(?:\w[\w-]*:)?Envelope>\s*$/.test(xml))
    throw new VboxFault({ kind: 'no-soap', operation, text: beginning(xml) })
  const fields = isRecord(answer) ? answer : {}
  return { values: many(fields['returnval']), names: many(fields['returnNames']).map(String) }
}

type XmlRecord = Readonly<Record<string, unknown>>

function parsed(xml: string): XmlRecord | undefined {
  // The parser would expand the entities of one; no answer of a web service has any.
  if (/<!DOCTYPE/i.test(xml)) return undefined
  try {
    const value: unknown = parser.parse(xml)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function faultOf(operation: string, fault: XmlRecord): VboxFault {
  const text = textOf(fault['faultstring']).replace(
    /^VirtualBox error: (?:apirc=0x[0-9a-f]+ ?)?/i,
    '',
  )
  const detail = child(fault, 'detail')
  const runtime = child(detail, 'RuntimeFault')
  if (runtime !== undefined) {
    const code = Number(textOf(runtime['resultCode'])) >>> 0
    const errorInfo = textOf(many(runtime['returnval'])[0])
    return new VboxFault({ kind: 'runtime', operation, text, code, errorInfo })
  }
  return new VboxFault({ kind: kindOf(detail, text), operation, text })
}

function kindOf(detail: XmlRecord | undefined, text: string): FaultKind {
  if (detail !== undefined && 'InvalidObjectFault' in detail) return 'invalid-object'
  if (/method name or namespace not recognized|not implemented/i.test(text)) return 'unknown-method'
  return text === '' ? 'bare' : 'rejected'
}

function child(parent: unknown, name: string): XmlRecord | undefined {
  const value = isRecord(parent) ? parent[name] : undefined
  if (isRecord(value)) return value
  // An element without anything in it.
  return value === undefined ? undefined : {}
}

function isRecord(value: unknown): value is XmlRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function many(value: unknown): readonly unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function escaped(text: string): string {
  return text
    .replace(ILLEGAL, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;')
}

/** What came instead of an answer, for a message. */
function beginning(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  if (line === '') return 'nothing'
  return line.length > 60 ? `${line.slice(0, 60)}…` : line
}
