import { basename } from 'node:path'

/**
 * What is loaded together lies in one file of its own, by the sources that are asked for; what an earlier one has is not in
 * a later one. One file is read and compiled sooner than twenty.
 */
const TOGETHER = {
  begin: ['src/main.ts', 'src/cli/version.ts'],
  quick: ['src/cli/quick/run.ts', 'src/config/find-answers.ts'],
  program: [
    'src/cli/program.ts',
    'src/app.ts',
    'src/config/load.ts',
    'src/config/environment.ts',
    'src/providers/index.ts',
  ],
  server: [
    'src/logging.ts',
    'src/plugin-api/app.ts',
    'src/plugin-api/server.ts',
    'src/providers/loop/index.ts',
  ],
  ebs: ['src/providers/ebs/index.ts'],
}

/**
 * The modules that esbuild made, by name and with their text in CommonJS, as the files that src/launcher.ts loads: `files`
 * has the text of each, `places` the file of each module.
 */
export function packed(modules, { outputs }) {
  refuseCircles(outputs)
  const places = {}
  for (const [pack, sources] of Object.entries(TOGETHER))
    for (const source of sources)
      for (const module of reachedFrom(outputOf(source, outputs), outputs))
        places[module] ??= `${pack}.js`
  for (const module of modules.keys()) places[module] ??= module
  const files = new Map()
  for (const [module, file] of Object.entries(places))
    files.set(file, [...(files.get(file) ?? []), asProperty(module, modules.get(module))])
  return {
    places,
    files: new Map([...files].map(([file, members]) => [file, `({${members.join(',\n')}})`])),
  }
}

/** A function in parentheses is compiled at once, since it is called at once. A byte is a character to the launcher. */
function asProperty(module, text) {
  const foreign = /[\u0080-\uffff]/.exec(text)
  if (foreign) throw new Error(`${module} has "${foreign[0]}", and is to be plain ASCII: escape it`)
  return `${JSON.stringify(module)}:(function(require,module){${text}\n})`
}

function outputOf(source, outputs) {
  const found = Object.keys(outputs).find((output) => outputs[output].entryPoint === source)
  if (found === undefined) throw new Error(`${source} has no file of its own in the bundle`)
  return found
}

/** An output and all that it cannot do without. */
function reachedFrom(output, outputs, reached = new Set()) {
  const name = basename(output)
  if (reached.has(name) || outputs[output] === undefined) return reached
  reached.add(name)
  for (const { kind, path } of outputs[output].imports)
    if (kind === 'import-statement') reachedFrom(path, outputs, reached)
  return reached
}

/** A module hands on what it exports when it has run; in a circle another one would have been handed nothing before. */
function refuseCircles(outputs) {
  const done = new Set()
  const visit = (output, path) => {
    if (path.includes(output)) throw new Error(`modules need each other: ${[...path, output]}`)
    if (done.has(output) || outputs[output] === undefined) return
    for (const one of outputs[output].imports)
      if (one.kind === 'import-statement') visit(one.path, [...path, output])
    done.add(output)
  }
  for (const output of Object.keys(outputs)) visit(output, [])
}
