// At the end of a program: which modules it has loaded, as JSON on descriptor 3. Node's by name,
// and of files the URLs, as far as the program runs from files; of a bundle, what came without a code
// cache that V8 took.
const { registerHooks } = require('node:module')
const { writeSync } = require('node:fs')
const vm = require('node:vm')

const files = []
registerHooks({
  load(url, context, nextLoad) {
    if (url.startsWith('file:')) files.push(url)
    return nextLoad(url, context)
  },
})

const compiled = []
vm.Script = class extends vm.Script {
  constructor(code, options) {
    super(code, options)
    if (this.cachedDataRejected !== false) compiled.push(options?.filename)
  }
}

process.on('exit', () => {
  const builtins = process.moduleLoadList
    .map((entry) => /^NativeModule (.*)$/.exec(entry)?.[1])
    .filter((name) => name !== undefined && !name.startsWith('internal/'))
  writeSync(3, JSON.stringify({ builtins, files, compiled }))
})
