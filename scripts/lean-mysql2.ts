/**
 * mysql2 for a process that makes one connection and asks four things: what it loads at once and
 * most runs never use comes at its first use. The reasons and the figures are in
 * docs/decisions/0022-start-up.md.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { OnLoadArgs, OnLoadResult, Plugin } from 'esbuild'

/** crypto and tls take a quarter of Node's own start, zlib a tenth; errors.js is a thousand names, long is WebAssembly. */
const atFirstUse = /^(crypto|tls|zlib|long|\.\.\/constants\/errors\.js)$/

export const leanMysql2: Plugin = {
  name: 'lean-mysql2',
  setup(build) {
    build.onResolve({ filter: atFirstUse }, ({ path, importer, resolveDir, namespace }) => {
      if (importer.endsWith('/mysql2/lib/auth_41.js')) return { path: resolve('scripts/sha1.ts') }
      if (namespace !== 'file' || !importer.includes('/node_modules/mysql2/')) return undefined
      return { path, namespace: 'stand-in', pluginData: { resolveDir } }
    })
    build.onLoad({ filter: /.*/, namespace: 'stand-in' }, standIn)

    // The cache of row parsers makes room for 15,000 at once; we have them made without eval, and never use it.
    build.onLoad({ filter: /\/mysql2\/lib\/parsers\/parser_cache\.js$/ }, replace('max: 15000', 'max: 16'))
    // A version is ASCII; the charset that is named for it has all of iconv-lite loaded.
    const readVersion = "args.serverVersion = packet.readNullTerminatedString('cesu8')"
    build.onLoad(
      { filter: /\/mysql2\/lib\/packets\/handshake\.js$/ },
      replace(readVersion, readVersion.replace('cesu8', 'ascii')),
    )
  },
}

/** A module that loads another when something of it is asked for. */
function standIn({ path, pluginData }: OnLoadArgs): OnLoadResult {
  const contents = `const load = () => require('${path}')
module.exports = new Proxy(class {}, {
  get: (_, name) => load()[name],
  construct: (_, parameters) => Reflect.construct(load(), parameters),
})`
  return { contents, resolveDir: pluginData.resolveDir }
}

/** @throws Error when the source does not have that text once: the driver has changed, and this with it */
function replace(text: string, other: string): (file: OnLoadArgs) => OnLoadResult {
  return ({ path }) => {
    const parts = readFileSync(path, 'utf8').split(text)
    if (parts.length !== 2) throw new Error(`${path} does not have ${text} once`)
    return { contents: parts.join(other) }
  }
}
