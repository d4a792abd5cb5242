// @ts-check
/**
 * Runs one of the programs: from its sources in a checkout, from its bundle where it is installed.
 * This folder is CommonJS and imports nothing at its top: the loader of ES modules takes 1.5 ms
 * more, an import of node:fs there 4 ms; and an old Node has to get as far as the message about its
 * version.
 */

/**
 * @param {string} command the name by which people call it
 * @param {'setup' | 'daemon'} program its folder below src/cli, and its bundle in dist
 */
async function runProgram(command, program) {
  leavePipeAlone()
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
  // Node ends by itself when nothing is left that main could wait for; that is a failure.
  process.exitCode = 1
  const code = await main(process.argv.slice(2))
  // Without this Node would remove our signal handlers before it ends, and one more SIGTERM would kill it.
  process.exit(code)
}

/**
 * Sets the signal handlers that a daemon needs from its first instruction on. SIGHUP and SIGUSR2 (reload, reopen the
 * logs) must not end a daemon that is starting. For pid 1 of a container a signal without a handler is lost: so
 * SIGTERM ends us here, until there is something to stop.
 */
function prepareDaemon() {
  process.on('SIGHUP', () => {}).on('SIGUSR2', () => {})
  process.on('SIGTERM', () => process.exit(0))
}

/**
 * Node's util and net read process.stderr. When Node creates that stream, it makes an inherited pipe non-blocking,
 * for every process that shares it. So the stream is created only when something other than `isTTY` is asked for.
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
 * One program as `npm run build` makes it: its chunks, with V8's code cache beside the code, in
 * one file. So an attacker who could plant a cache could also plant the code; a cache is never used with the code of
 * another build; and a program that dropped its rights, or is replaced while it runs, still reads the
 * rest of itself from the file that it opened. V8 refuses the cache of another version, and then compiles the
 * code.
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
   * The compiled packs; the build makes their caches from them.
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

  /** The names of all packs, loaded or not; each is the name of a chunk, too. */
  get packs() {
    return Object.keys(this.#index.packs)
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

module.exports = { runProgram, prepareDaemon, leavePipeAlone, endWith, Bundle, openBundle }
