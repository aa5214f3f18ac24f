import { init, parse } from 'es-module-lexer'

await init

/**
 * A module that esbuild made, as the text of a function's body that gets `require` and `module`. What it exports is handed on
 * once it has run: every use costs as little as that of a variable. A bundler's own CommonJS has a getter for each.
 */
export function asCommonJs(name, text) {
  const [imports, exports] = parse(text)
  const parts = ['"use strict";']
  let end = 0
  for (const { n: from, ss, se, d } of imports) {
    const statement = text.slice(ss, se)
    parts.push(text.slice(end, ss), d < 0 ? required(name, statement, from) : later(name, from))
    end = se
  }
  const rest = text.slice(end)
  if (exports.length === 0) return [...parts, rest].join('')
  return [...parts, rest.replace(/export\{([^{}]*)\};?\s*$/, (_, list) => handedOn(list))].join('')
}

/** `import{a as b}from"x"` and the like. */
function required(module, statement, from) {
  const call = `require(${JSON.stringify(from)})`
  const [, list, whole] =
    /^import\s*(?:\{([^{}]*)\}|(?:\*\s*as\s+)?([\w$]+))\s*from\b/.exec(statement) ?? []
  if (whole !== undefined) return `const ${whole}=${call}`
  if (list !== undefined) return `const{${named(list).map((names) => names.join(':'))}}=${call}`
  if (/^import\s*["']/.test(statement)) return call
  throw new Error(`${module} has an import of an unknown form: ${statement}`)
}

function later(module, from) {
  if (from === undefined) throw new Error(`${module} imports what is not known before it runs`)
  return `Promise.resolve().then(()=>require(${JSON.stringify(from)}))`
}

function handedOn(list) {
  const all = named(list).map(([own, other = own]) => `${other}:${own}`)
  return `module.exports={${all}};`
}

/** `a as b,c` in parts. */
function named(list) {
  return list.split(',').map((one) => one.trim().split(/\s+as\s+/))
}
