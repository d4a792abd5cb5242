// @ts-check
/**
 * Runs one of the programs: from its sources in a checkout, from its bundle where it is installed.
 * This folder is CommonJS and imports nothing at its top: the loader of ES modules takes 1.5 ms
 * more, an import of node:fs there 4 ms; and an old Node has to get as far as the word about its
 * version.
 */

/**
 * @param {string} command as people call it
 * @param {'setup' | 'daemon'} program its folder below src/cli, and its bundle in dist
 */
async function runProgram(command, program) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 24 || (major === 24 && minor < 15)) {
    console.error(
      `${command}: Node 24.15 or newer is needed, this is ${process.versions.node}; hint: put a newer node first in PATH`,
    )
    process.exitCode = 2
    return
  }
  const source = `${__dirname}/../src/cli/${program}/main.ts`
  const { main } = require('node:fs').existsSync(source)
    ? await import(source)
    : openBundle(`${__dirname}/../dist/${program}.bundle`).load(`${program}.js`)
  await endWith(main)
}

/**
 * Runs a program's main and ends the process with what it returns.
 * @param {(argv: readonly string[]) => Promise<number>} main
 */
async function endWith(main) {
  // Should all that it waits for vanish under it, Node ends by itself, and that is no success.
  process.exitCode = 1
  const code = await main(process.argv.slice(2))
  // Left to itself Node first takes our signal handlers away: one more SIGTERM would kill what has ended well.
  process.exit(code)
}

/**
 * What a daemon needs from its first instruction on. What asks it to read its settings or open its logs anew
 * must not end one that is about to. As pid 1 of a container a signal without a handler is lost: until there
 * is something to stop, SIGTERM ends us here.
 */
function prepareDaemon() {
  process.on('SIGHUP', () => {}).on('SIGUSR2', () => {})
  process.on('SIGTERM', () => process.exit(0))
  leavePipeAlone()
}

/**
 * Node's util and net look at process.stderr, whose making has an inherited pipe not wait for anybody who has
 * it. So that is put off until somebody wants more of it than whether it is a terminal.
 */
function leavePipeAlone() {
  const make = Object.getOwnPropertyDescriptor(process, 'stderr')?.get
  if (!make || !require('node:fs').fstatSync(2).isFIFO()) return
  const stderr = new Proxy(Object.create(null), {
    get(_target, name) {
      if (name === 'isTTY') return false
      const stream = make.call(process)
      const value = stream[name]
      return typeof value === 'function' ? value.bind(stream) : value
    },
  })
  Object.defineProperty(process, 'stderr', { configurable: true, enumerable: true, value: stderr })
}

/**
 * What `npm run build` makes of one program: its chunks, with V8's code cache beside the code, in
 * one file. So whoever could plant a cache could plant the code too; no cache ever meets the code of
 * another build; and a program that dropped its rights, or is replaced while it runs, still gets the
 * rest of itself from the file that it opened. A cache of another V8 is refused by V8, and the code
 * compiled as if there were none.
 *
 * The file: four bytes with the length of the index, the index (JSON), the packs. A pack is an
 * expression: the chunks that are always loaded together, as functions by name.
 */
class Bundle {
  #vm = require('node:vm')
  #name
  #read
  #index
  #bodyAt
  /** @type {Map<string, Record<string, Function>>} */
  #packs = new Map()
  /** @type {Map<string, { exports: any }>} */
  #modules = new Map()
  /**
   * The compiled packs, for whoever makes their caches.
   * @type {Map<string, import('node:vm').Script>}
   */
  scripts = new Map()

  /**
   * @param {string} name the file, for messages
   * @param {(at: number, length: number) => Buffer} read a part of it
   */
  constructor(name, read) {
    this.#name = name
    this.#read = read
    const length = read(0, 4).readUInt32LE()
    /** @type {import('../scripts/bundle-index.ts').BundleIndex} */
    this.#index = JSON.parse(read(4, length).toString('latin1'))
    this.#bodyAt = 4 + length
  }

  /**
   * The exports of a chunk.
   * @param {string} name
   * @returns {any}
   */
  load(name) {
    const known = this.#modules.get(name)
    if (known) return known.exports
    const pack = this.#index.chunks[name]
    if (pack === undefined) throw new Error(`${name} is not in ${this.#name}`)
    const chunks = this.#packs.get(pack) ?? this.#compile(pack)
    const module = { exports: {} }
    this.#modules.set(name, module)
    chunks[name]?.(module.exports, this.#require, module, `${this.#name}/${name}`)
    return module.exports
  }

  /** @param {string} pack */
  #compile(pack) {
    const [at, cacheBytes, codeBytes] = this.#index.packs[pack] ?? [0, 0, 0]
    const bytes = this.#read(this.#bodyAt + at, cacheBytes + codeBytes)
    const script = new this.#vm.Script(bytes.toString('latin1', cacheBytes), {
      filename: `${this.#name}/${pack}`,
      ...(cacheBytes > 0 && { cachedData: bytes.subarray(0, cacheBytes) }),
    })
    this.scripts.set(pack, script)
    /** @type {Record<string, Function>} */
    const chunks = script.runInThisContext()
    this.#packs.set(pack, chunks)
    return chunks
  }

  /**
   * A chunk, or a module of Node: nothing else is ever loaded.
   * @param {string} id
   */
  #require = (id) => {
    if (id.startsWith('./')) return this.load(id.slice(2))
    const builtin = process.getBuiltinModule(id)
    if (builtin) return builtin
    throw Object.assign(new Error(`${id} is not in ${this.#name}`), { code: 'MODULE_NOT_FOUND' })
  }
}

/** @param {string} file stays open */
function openBundle(file) {
  const fs = require('node:fs')
  const descriptor = fs.openSync(file, 'r')
  return new Bundle(file, (at, length) => {
    const bytes = Buffer.allocUnsafeSlow(length)
    for (let done = 0; done < length; ) {
      const count = fs.readSync(descriptor, bytes, done, length - done, at + done)
      if (count === 0) throw new Error(`${file} is cut off`)
      done += count
    }
    return bytes
  })
}

module.exports = { runProgram, prepareDaemon, endWith, Bundle, openBundle }
