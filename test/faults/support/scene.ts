/**
 * One run of setup on a machine of its own, in a state of the decision table that leads to work,
 * and what has to be true of that machine whenever the run is interrupted.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseKeyFile } from '../../../src/key/key-file.ts'
import { arrange, type Cell, cells } from '../../support/decision-table.ts'
import { type Ended, ended, programFile } from '../../support/programs.ts'
import { keyA, keyPath, password, Sandbox, type StoreKind } from '../../support/sandbox.ts'
import { start } from './start.ts'

/** Where a run begins, and the flags that make it work. */
export interface StartingState {
  name: string
  args: readonly string[]
  /** The table is there before. */
  hasTable: boolean
  cell: Cell
  /** It stands for those with the same decision, which only come to it in another way. */
  isTypical: boolean
  /** The command has run before, so that there is nothing to do. */
  isSetUp?: true
  /** Makes what the command is given besides. @returns more arguments */
  prepare?(sandbox: Sandbox): string[]
  /** What one more run comes to, where that is something else than the same key in file and row. */
  recovers?(scene: Scene): Promise<void>
}

/** Every state that a run changes, the machine that has nothing, and the one that has everything. */
export const startingStates: readonly StartingState[] = [
  {
    name: 'a fresh machine',
    args: ['--create-schema'],
    hasTable: false,
    cell: { file: 'absent', row: 'absent', exit: 0, key: 'new' },
    isTypical: true,
  },
  {
    name: 'a machine that is set up',
    args: [],
    hasTable: true,
    cell: { file: 'A', row: 'A', exit: 0, key: 'A' },
    isTypical: true,
    isSetUp: true,
  },
  ...cells
    .filter((cell) => cell.exit === 0)
    .map((cell) => ({
      name: `file ${cell.file}, row ${cell.row}, values ${cell.values ?? 'none'}, adopt ${cell.adopt ?? 'nothing'}`,
      args: ['--tags', 'identity', ...(cell.adopt ? ['--adopt', cell.adopt] : [])],
      hasTable: true,
      cell,
      isTypical:
        !cell.values && [cell.file, cell.row].every((place) => ['absent', 'damaged', 'A', 'B'].includes(place)),
    })),
]

/** Root tests as an appliance has it, with an owner who is not root; others can only own their own files. */
const owner =
  process.getuid?.() === 0 ? { uid: 33, gid: 33 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const storeFolder = '/var/lib/frameworkd/store'
/** It is in the lock, and a UUID too. */
const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
const anyKey = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/i

/** What a place held before the run. */
interface Before {
  file: Buffer | undefined
  fileMode: number | undefined
  row: Buffer | undefined
  /** Every row, where the command may change none. */
  rows: string | undefined
}

export class Scene implements AsyncDisposable {
  readonly sandbox: Sandbox
  readonly command: readonly string[]
  readonly #state: StartingState
  readonly #before: Before

  private constructor(sandbox: Sandbox, command: readonly string[], state: StartingState, before: Before) {
    this.sandbox = sandbox
    this.command = command
    this.#state = state
    this.#before = before
  }

  /** @param extra more flags, which win over those of the sandbox */
  static async create(kind: StoreKind, state: StartingState, extra: readonly string[] = []): Promise<Scene> {
    const sandbox = await Sandbox.create(kind, { table: state.hasTable })
    chmodSync(sandbox.root, 0o755)
    sandbox.write('/etc/passwd', `www-data:x:${owner.uid}:${owner.gid}::/:/bin/sh\n`)
    await arrange(sandbox, state.cell)
    if (existsSync(sandbox.path(storeFolder))) {
      execFileSync('chown', ['-R', `${owner.uid}:${owner.gid}`, sandbox.path(storeFolder)])
    }
    const prepared = state.prepare?.(sandbox) ?? []
    const args = ['--non-interactive', '--root', sandbox.root, ...sandbox.flags, ...state.args, ...prepared, ...extra]
    const command = [process.execPath, programFile('frameworkd-setup'), ...args]
    if (state.isSetUp) assert.equal((await ended(start(command))).code, 0)
    const file = readIfThere(sandbox.path(keyPath))
    const before = {
      file,
      fileMode: file && lstatSync(sandbox.path(keyPath)).mode & 0o7777,
      row: await readRow(sandbox),
      rows: state.recovers && (await sandbox.dump()),
    }
    return new Scene(sandbox, command, state, before)
  }

  /** Runs the command once, undisturbed. */
  run(): Promise<Ended> {
    return ended(start(this.command))
  }

  /** Whatever happened: no key is gone, none is in a partial file, none is anybody's but its owner's. */
  async assertNothingLost(): Promise<void> {
    const file = readIfThere(this.sandbox.path(keyPath))
    const row = await readRow(this.sandbox)
    const asides = this.#asides().map((path) => readFileSync(path))
    this.#assertKept('file', this.#before.file, file, [row, ...asides])
    this.#assertKept('row', this.#before.row, row, [file, ...asides])
    const isWhole = file === undefined || this.#isUntouched(file) || parseKeyFile(file).kind === 'good'
    assert.ok(isWhole, `a partial key file of ${file?.length} bytes`)
    if (this.#before.file) assert.ok(file, 'the key file is gone')
    for (const path of this.#files()) this.#assertPrivate(path, file)
  }

  /** Nothing is lost, and one more run of the same command makes it right. */
  async assertRecovers(): Promise<void> {
    await this.assertNothingLost()
    if (this.#state.recovers) return this.#state.recovers(this)
    const { code, stderr } = await this.run()
    assert.equal(code, 0, stderr)
    await this.assertConverged()
  }

  /** For commands that only read it. */
  async assertStoreAsBefore(): Promise<void> {
    assert.equal(await this.sandbox.dump(), this.#before.rows)
  }

  /** A run of the command has ended well: file and row agree and nothing is left over. */
  async assertConverged(): Promise<void> {
    await this.assertNothingLost()
    const { sandbox } = this
    const key = sandbox.keyInFile()
    assert.equal((await readRow(sandbox))?.toString('latin1'), key)
    const wanted = this.#state.cell.key
    const had = [this.#before.file, this.#before.row]
      .filter((bytes) => bytes !== undefined)
      .map(String)
      .join()
    if (wanted === 'new') assert.ok(key && !had.includes(key), 'not a new key')
    else if (this.#state.prepare) assert.equal(key, keyA, 'not the key that was given')
    else assert.ok(key && had.includes(key), 'a key that was not there before')
    const stats = lstatSync(sandbox.path(keyPath))
    assert.deepEqual([stats.mode & 0o7777, stats.uid, stats.gid], [0o400, owner.uid, owner.gid])
    const left = this.#entries().filter((name) => /frameworkd-new|-journal$|-wal$/.test(name))
    assert.deepEqual(left, [], 'left by the interrupted run')
    for (const path of ['/etc', '/etc/ossim', '/etc/ossim/framework', '/var', '/var/lib', '/var/lib/frameworkd']) {
      assert.equal(sandbox.mode(path), '755', path)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.sandbox[Symbol.asyncDispose]()
  }

  #assertKept(
    place: 'file' | 'row',
    before: Buffer | undefined,
    now: Buffer | undefined,
    others: (Buffer | undefined)[],
  ) {
    const [key] = anyKey.exec(before?.toString('latin1') ?? '') ?? []
    if (!before || key === undefined) return
    const isThere = [now, ...others].some((bytes) => bytes?.includes(key))
    assert.ok(isThere, `the key of the ${place} is lost`)
    const isDamaged = this.#state.cell[place] === 'damaged'
    if (isDamaged)
      assert.ok(
        [now, ...others].some((bytes) => bytes?.equals(before)),
        `what the ${place} held is lost`,
      )
  }

  #isUntouched(file: Buffer): boolean {
    return this.#before.file?.equals(file) ?? false
  }

  #assertPrivate(path: string, keyFile: Buffer | undefined): void {
    const content = readFileSync(path, 'latin1').replaceAll(bootId, '')
    const name = path.slice(this.sandbox.root.length)
    const stats = lstatSync(path)
    const attributes = `${name} is ${(stats.mode & 0o7777).toString(8)} ${stats.uid}:${stats.gid}`
    // An empty one is on its way to its owner and mode.
    if (name.startsWith(storeFolder) && content !== '') {
      assert.ok((stats.mode & 0o7777) === 0o600 && stats.uid === owner.uid, attributes)
      assert.equal(lstatSync(this.sandbox.path(storeFolder)).mode & 0o7777, 0o700)
    } else if (content.includes(password) && name !== '/operator/password') {
      assert.ok((stats.mode & 0o7777) === 0o640 && stats.uid === process.getuid?.(), attributes)
    } else if (anyKey.test(content)) {
      const isAsBefore =
        name === keyPath && keyFile && this.#isUntouched(keyFile) && (stats.mode & 0o7777) === this.#before.fileMode
      if (!isAsBefore)
        assert.ok((stats.mode & 0o7777) === 0o400 && stats.uid === owner.uid && stats.gid === owner.gid, attributes)
    }
  }

  #entries(): string[] {
    return readdirSync(this.sandbox.root, { recursive: true, encoding: 'utf8' })
  }

  #files(): string[] {
    return this.#entries()
      .map((name) => join(this.sandbox.root, name))
      .filter((path) => lstatSync(path).isFile())
  }

  #asides(): string[] {
    const prefix = `${this.sandbox.path(keyPath)}.`
    return this.#files().filter((path) => path.startsWith(prefix))
  }
}

function readIfThere(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined
}

/** The row's bytes. An embedded store is read from a copy: to open it would repair it, which is the next run's task. */
async function readRow(sandbox: Sandbox): Promise<Buffer | undefined> {
  const sql = "SELECT HEX(value) FROM config WHERE conf = 'encryption_key'"
  const rows = sandbox.kind === 'mysql' ? await sandbox.sql(sql).catch(emptyWithoutTable) : readCopy(sandbox, sql)
  const hex = rows[0]?.[0]
  return typeof hex === 'string' ? Buffer.from(hex, 'hex') : undefined
}

function readCopy(sandbox: Sandbox, sql: string): unknown[][] {
  if (!existsSync(sandbox.path(storeFolder))) return []
  const copy = mkdtempSync(join(tmpdir(), 'frameworkd-copy-'))
  try {
    cpSync(sandbox.path(storeFolder), copy, { recursive: true })
    using database = new DatabaseSync(join(copy, 'config.db'))
    const statement = database.prepare(sql)
    statement.setReturnArrays(true)
    return statement.all() as unknown as unknown[][]
  } catch (error) {
    return emptyWithoutTable(error)
  } finally {
    rmSync(copy, { recursive: true })
  }
}

function emptyWithoutTable(error: unknown): unknown[][] {
  if (/no such table|doesn't exist/.test(String(error))) return []
  throw error
}
