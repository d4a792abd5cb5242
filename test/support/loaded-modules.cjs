// At the end of a program: which modules it has loaded, as JSON on descriptor 3. Node's by name,
// and of files the URLs, as far as the program runs from files.
const { registerHooks } = require('node:module')
const { writeSync } = require('node:fs')

const files = []
registerHooks({
  load(url, context, nextLoad) {
    if (url.startsWith('file:')) files.push(url)
    return nextLoad(url, context)
  },
})
process.on('exit', () => {
  const builtins = process.moduleLoadList
    .map((entry) => /^NativeModule (.*)$/.exec(entry)?.[1])
    .filter((name) => name !== undefined && !name.startsWith('internal/'))
  writeSync(3, JSON.stringify({ builtins, files }))
})
