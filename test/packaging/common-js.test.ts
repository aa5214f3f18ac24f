import { spawn } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { outcomeOf, projectDirectory } from '../support/machine.ts'

/** What is printed by the first of some modules, as the build turns them into functions. */
async function printedBy(modules: Readonly<Record<string, string>>) {
  const work = `
    import { createRequire } from 'node:module'
    import { asCommonJs } from './packaging/common-js.mjs'
    const own = createRequire(import.meta.url)
    const texts = ${JSON.stringify(modules)}
    const done = new Map()
    const need = (name) => {
      if (name.startsWith('node:')) return own(name)
      if (!done.has(name)) {
        const module = { exports: {} }
        new Function('require', 'module', asCommonJs(name, texts[name]))(need, module)
        done.set(name, module.exports)
      }
      return done.get(name)
    }
    need('./first.js')`
  const args = ['--input-type=module', '--eval', work]
  return await outcomeOf(spawn(process.execPath, args, { cwd: projectDirectory }))
}

describe('a module as the build makes a function of it', () => {
  test('gets what others export under any name, and what node has', async () => {
    const modules = {
      './first.js': `import{one,two as zwei}from"./numbers.js";import path from"node:path";import*as os from"node:os";import"./numbers.js";
        console.log(one,zwei(),path.sep,typeof os.EOL);`,
      './numbers.js': `import{value as a$1}from"./deep.js";var b=a$1+1;function two(){return b}export{a$1 as one,two};\n`,
      './deep.js': `var value=1;export{value};`,
    }
    expect(await printedBy(modules)).toEqual({ status: 0, stdout: '1 2 / string\n', stderr: '' })
  })

  test('loads late what is imported late, and what that exports by default', async () => {
    const modules = {
      './first.js': `console.log("before");const late=await0();function await0(){return import("./late.js")}late.then(({default:it,other})=>console.log(it,other));console.log("after");`,
      './late.js': `console.log("late");var x="import{a}from'b'";export{x as default,x as other};`,
    }
    expect((await printedBy(modules)).stdout).toBe(
      "before\nafter\nlate\nimport{a}from'b' import{a}from'b'\n",
    )
  })

  test('is as strict as a module', async () => {
    const modules = {
      './first.js': `import"node:fs";y=2;`,
    }
    expect((await printedBy(modules)).stderr).toContain('y is not defined')
  })

  test('is refused where its imports have a form that is not known', async () => {
    const modules = { './first.js': `import a,{sep}from"node:path";console.log(a,sep)` }
    const { status, stderr } = await printedBy(modules)
    expect(status).toBe(1)
    expect(stderr).toContain(
      './first.js has an import of an unknown form: import a,{sep}from"node:path"',
    )
  })
})
