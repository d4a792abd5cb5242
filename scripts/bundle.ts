/**
 * Makes one bundle for each program (bin/run-program.js says what a bundle is), in which lazily imported code is a
 * chunk of its own.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build, type Metafile, transform } from 'esbuild'
import type { BundleIndex } from './bundle-index.ts'
import { bundledAlone } from './bundled-alone.ts'
import { leanMysql2 } from './lean-mysql2.ts'

/** A chunk as it is written: the body of a CommonJS module, ASCII throughout. */
interface Chunk {
  name: string
  code: string
  /** The chunks that it needs from its start. */
  imports: string[]
  /** The chunks that it may load later. */
  lazyImports: string[]
}

/**
 * @param outdir the folder for the bundles, which is emptied; package.json and the templates are above it
 * @returns the npm packages whose code is in them, by their folders
 */
export async function writeBundles(outdir: string): Promise<string[]> {
  rmSync(outdir, { recursive: true, force: true })
  mkdirSync(outdir, { recursive: true })
  const sources: string[] = []
  for (const program of ['setup', 'daemon']) {
    const { chunks, inputs } = await bundle(program)
    sources.push(...inputs)
    const file = join(outdir, `${program}.bundle`)
    const packs = packTogether(chunks, `${program}.js`)
    writeBundle(file, packs, {})
    writeBundle(file, packs, JSON.parse(warmUp(outdir, program)))
  }
  const folders = sources.map((path) => /^[^:]*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0])
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort((a, b) =>
    basename(a).localeCompare(basename(b)),
  )
}

/** @returns code caches in base64, by pack, as JSON */
function warmUp(outdir: string, program: string): string {
  const { status, output } = spawnSync(process.execPath, ['scripts/warm-up.ts', outdir, program], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`${program} did not warm up: ${output[2]}`)
  return output[3] ?? ''
}

/** @returns the chunks by name, and the files whose code is in them */
async function bundle(program: string): Promise<{ chunks: Map<string, Chunk>; inputs: string[] }> {
  const inputs: string[] = []
  const age = bundledAlone('age-encryption', ['Decrypter', 'Encrypter', 'armor'], (paths) => inputs.push(...paths))
  const { outputFiles, metafile } = await build({
    entryPoints: [{ in: `src/cli/${program}/main.ts`, out: program }],
    outdir: 'dist',
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    legalComments: 'none',
    plugins: [leanMysql2, age],
    metafile: true,
    write: false,
  })
  const chunks = outputFiles.map(({ path, text }) => makeChunk(basename(path), text, metafile))
  inputs.push(...Object.keys(metafile.inputs))
  return { chunks: new Map((await Promise.all(chunks)).map((chunk) => [chunk.name, chunk])), inputs }
}

/** esbuild can split only ES modules; each chunk is converted to CommonJS after that. */
async function makeChunk(name: string, text: string, { outputs }: Metafile): Promise<Chunk> {
  const { code } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    minify: true,
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'moduleUrl' },
  })
  const moduleUrl = "const moduleUrl=require('node:url').pathToFileURL(__filename).href;"
  const imports = (outputs[`dist/${name}`]?.imports ?? []).filter(({ external }) => !external)
  const ofKind = (kind: string) => imports.filter((one) => one.kind === kind).map(({ path }) => basename(path))
  return {
    name,
    code: code.includes('moduleUrl') ? moduleUrl + code : code,
    imports: ofKind('import-statement'),
    lazyImports: ofKind('dynamic-import'),
  }
}

/** A pack is a chunk that is loaded by itself, with all chunks that it needs and no earlier pack has. */
function packTogether(chunks: ReadonlyMap<string, Chunk>, first: string): Map<string, Chunk[]> {
  const packs = new Map<string, Chunk[]>()
  const packed = new Set<string>()
  const collect = (name: string): Chunk[] => {
    const chunk = chunks.get(name)
    if (!chunk || packed.has(name)) return []
    packed.add(name)
    return [...chunk.imports.flatMap(collect), chunk]
  }
  const starts = [first]
  for (const start of starts) {
    const pack = collect(start)
    if (pack.length > 0) packs.set(start, pack)
    starts.push(...pack.flatMap(({ lazyImports }) => lazyImports))
  }
  for (const name of chunks.keys()) if (!packed.has(name)) packs.set(name, collect(name))
  return packs
}

/** @param caches base64, by pack */
function writeBundle(file: string, packs: ReadonlyMap<string, Chunk[]>, caches: Readonly<Record<string, string>>) {
  const index: BundleIndex = { packs: {}, chunks: {} }
  const parts: Buffer[] = []
  let at = 0
  for (const [pack, chunks] of packs) {
    const functions = chunks.map(({ name, code }) => `${JSON.stringify(name)}:${functionOf(code)}`)
    const code = Buffer.from(`({${functions.join(',\n')}})`, 'latin1')
    const cache = Buffer.from(caches[pack] ?? '', 'base64')
    index.packs[pack] = [at, cache.length, code.length]
    for (const { name } of chunks) index.chunks[name] = pack
    parts.push(cache, code)
    at += cache.length + code.length
  }
  const text = Buffer.from(JSON.stringify(index))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  writeFileSync(file, Buffer.concat([length, text, ...parts]))
}

function functionOf(code: string): string {
  return `function(exports,require,module,__filename){${code}}`
}
