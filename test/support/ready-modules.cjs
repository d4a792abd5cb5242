// Loaded before each test file (test/run-files.ts). Files of tests share modules: what Node makes of one is kept for the next
// file, compiled, and its types are stripped once for all files (test/strip-types.ts): that alone is a third of what it
// takes to load a small one. Not by NODE_COMPILE_CACHE: the programs under test would inherit that.
const { readFileSync } = require('node:fs')
const { enableCompileCache, registerHooks } = require('node:module')
const { join } = require('node:path')
const { pathToFileURL } = require('node:url')

const folder = process.env.TEST_READY_MODULES ?? ''
const checkout = pathToFileURL(join(__dirname, '../../')).href

enableCompileCache(join(folder, 'compiled'))
registerHooks({
  load(url, context, nextLoad) {
    const source = url.startsWith(checkout) && url.endsWith('.ts') && stripped(url.slice(checkout.length))
    return source ? { format: 'module', source, shortCircuit: true } : nextLoad(url, context)
  },
})

/** @param {string} path */
function stripped(path) {
  try {
    return readFileSync(join(folder, 'stripped', path))
  } catch (error) {
    // It could not be stripped, or a test has just made it.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
    throw error
  }
}
