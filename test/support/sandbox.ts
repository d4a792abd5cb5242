import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { aesEncrypt } from '../../src/key/aes.ts'
import { freePort, type MariaDb, query } from './mariadb.ts'
import { type Ended, type RunOptions, run } from './programs.ts'

export const storeKinds = ['sqlite', 'mysql'] as const
export type StoreKind = (typeof storeKinds)[number]

/** The password of every test database: one that the ini package would cut. */
export const password = `pa;ss#w"rd'`
export const keyA = '564D1E7A-1111-2222-3333-444455556666'
export const keyB = 'AAAABBBB-CCCC-DDDD-EEEE-FFFF00001111'
export const keyPath = '/etc/ossim/framework/db_encryption_key'

export const configTableSql = `CREATE TABLE config (
  conf VARCHAR(255) NOT NULL,
  value TEXT CHARACTER SET latin1 COLLATE latin1_general_ci NULL DEFAULT NULL,
  PRIMARY KEY (conf)) ENGINE=InnoDB DEFAULT CHARSET=utf8`

const defaultRows = [
  ['frameworkd_keyfile', keyPath],
  ['frameworkd_address', '127.0.0.1'],
  ['frameworkd_log_dir', '/var/log/ossim/'],
  ['frameworkd_listener', '1'],
] as const

/** The text of a key file for a key. */
export function keyFileText(key: string): string {
  return `#This file is generated automatically by ossim. Please don't modify it!\n#Generated using alienvault-system-id\n[key-value]\nkey=${key}\n`
}

/** A root of the test's own with a store of its own. */
export class Sandbox implements AsyncDisposable {
  readonly root: string
  readonly kind: StoreKind
  /** Of a server: the name of the database, and of the account. */
  readonly database: string
  readonly password = password
  readonly flags: readonly string[]
  readonly #server: Pick<MariaDb, 'socket' | 'port'>
  readonly #place: readonly string[]

  private constructor(
    kind: StoreKind,
    root: string,
    server: Pick<MariaDb, 'socket' | 'port'>,
    place: readonly string[],
  ) {
    this.kind = kind
    this.root = root
    // Always as long, so that lines break at the same place.
    this.database = `t${randomBytes(4).toString('hex')}`
    this.flags = kind === 'sqlite' ? ['--store', 'sqlite'] : serverFlags(this.root, this.database, place)
    this.#server = server
    this.#place = place
  }

  /**
   * The table is there and empty; www-data is whoever runs the test. A test that changes a global variable of its
   * server brings a server of its own: that of the run is other tests' too, at the same time.
   */
  static async create(
    kind: StoreKind,
    options: { socket?: boolean; table?: boolean; server?: MariaDb } = {},
  ): Promise<Sandbox> {
    const server = options.server ?? serverOfRun
    const place = options.socket
      ? ['--db-socket', server.socket]
      : ['--db-host', '127.0.0.1', '--db-port', String(server.port)]
    return await Sandbox.#make(kind, server, place, (sandbox) => sandbox.#fill(options.table !== false))
  }

  /**
   * Another root with the same files, owners and modes, and another store with the same rows. What is set up there
   * once need not be set up for each test.
   */
  static async copy(original: Sandbox): Promise<Sandbox> {
    return await Sandbox.#make(original.kind, original.#server, original.#place, (sandbox) =>
      sandbox.#imitate(original),
    )
  }

  static async #make(
    kind: StoreKind,
    server: Pick<MariaDb, 'socket' | 'port'>,
    place: readonly string[],
    fill: (sandbox: Sandbox) => Promise<void>,
  ): Promise<Sandbox> {
    const sandbox = new Sandbox(kind, mkdtempSync(join(tmpdir(), 'frameworkd-test-')), server, place)
    try {
      await fill(sandbox)
    } catch (error) {
      // What is told is why it could not be made, also where that keeps it from being removed.
      await sandbox[Symbol.asyncDispose]().catch(() => {})
      throw error
    }
    return sandbox
  }

  /** Runs frameworkd-setup on this root and store. */
  setup(args: readonly string[] = [], options: RunOptions = {}): Promise<Ended> {
    return run('frameworkd-setup', ['--non-interactive', '--root', this.root, ...this.flags, ...args], options)
  }

  /** Where root runs the tests: the owner becomes an account that is not root, with its embedded store. */
  giveToOwner(): void {
    if (process.getuid?.() !== 0) return
    chmodSync(this.root, 0o755)
    this.write('/etc/passwd', 'www-data:x:33:33::/:/bin/sh\n')
    this.write('/etc/group', 'www-data:x:33:\n')
    if (this.kind !== 'sqlite') return
    for (const name of ['', '/config.db']) chownSync(this.path(`/var/lib/frameworkd/store${name}`), 33, 33)
  }

  path(path: string): string {
    return join(this.root, path)
  }

  write(path: string, content: string | Buffer, mode = 0o644): void {
    mkdirSync(dirname(this.path(path)), { recursive: true })
    writeFileSync(this.path(path), content, { mode })
  }

  read(path: string): string {
    return readFileSync(this.path(path), 'latin1')
  }

  /** The key in the key file, as `grep ^key=` finds it. */
  keyInFile(): string | undefined {
    return /^key=(.*)$/m.exec(this.read(keyPath))?.[1]
  }

  async sql(sql: string, parameters: (string | Buffer | null)[] = []): Promise<unknown[][]> {
    if (this.kind === 'mysql') return query(this.#server.socket, this.database, sql, parameters)
    using database = new DatabaseSync(this.path('/var/lib/frameworkd/store/config.db'), { timeout: 5000 })
    const statement = database.prepare(sql)
    statement.setReturnArrays(true)
    return statement.all(...parameters) as unknown as unknown[][]
  }

  async setRow(name: string, value: string | Buffer | null): Promise<void> {
    await this.sql('REPLACE INTO config (conf, value) VALUES (?, ?)', [name, value])
  }

  async keyInRow(): Promise<string | undefined> {
    const [row] = await this.sql("SELECT HEX(value) FROM config WHERE conf = 'encryption_key'")
    return row && Buffer.from(String(row[0] ?? ''), 'hex').toString('latin1')
  }

  /** Three passwords of other products, encrypted with a key. */
  async addEncrypted(key: string): Promise<void> {
    for (const name of ['a_pass', 'b_pass', 'c_pass'])
      await this.setRow(name, Buffer.from(aesEncrypt(`secret of ${name}`, key) ?? []))
  }

  /** Every row, byte for byte. */
  async dump(): Promise<string> {
    return JSON.stringify(await this.sql('SELECT conf, HEX(value) FROM config ORDER BY conf'))
  }

  /** Every file with owner, mode, time and content, but what a run may always write: its own state. */
  tree(): string {
    const found: string[] = []
    for (const name of readdirSync(this.root, { recursive: true, encoding: 'utf8' }).sort()) {
      const path = join(this.root, name)
      const stats = lstatSync(path)
      const isState = name.startsWith('var/lib/frameworkd') || ['var', 'var/lib'].includes(name)
      if (isState && !name.startsWith('var/lib/frameworkd/store/')) continue
      const content = stats.isFile() ? digest(readFileSync(path)) : stats.isSymbolicLink() ? readlinkSync(path) : ''
      const changed = stats.isFile() ? stats.mtimeMs : 0
      found.push(`${name} ${stats.mode} ${stats.uid} ${stats.gid} ${changed} ${content}`)
    }
    return found.join('\n')
  }

  /** Names beside the key file that begin like it. */
  keptAside(): string[] {
    return readdirSync(dirname(this.path(keyPath))).filter((name) => name.startsWith('db_encryption_key.'))
  }

  mode(path: string): string {
    return (statSync(this.path(path)).mode & 0o7777).toString(8)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.root, { recursive: true, force: true })
    if (this.kind === 'mysql') {
      const statements = [`DROP DATABASE IF EXISTS ${this.database}`, `DROP USER IF EXISTS ${this.database}@localhost`]
      await query(this.#server.socket, undefined, statements.join(';\n'))
    }
  }

  async #fill(hasTable: boolean): Promise<void> {
    this.write('/etc/passwd', `www-data:x:${process.getuid?.()}:${process.getgid?.()}::/:/bin/sh\n`)
    this.write('/operator/password', `${password}\n`, 0o600)
    // Not OSSIM's own port: other tests start daemons at the same time.
    const rows = [...defaultRows, ['frameworkd_port', String(await freePort())]]
    if (this.kind === 'sqlite') return hasTable ? this.#createEmbeddedStore(rows) : undefined
    const table = hasTable ? [configTableSql, 'INSERT INTO config (conf, value) VALUES ?'] : []
    await this.#createDatabase(table, [rows])
  }

  async #imitate(original: Sandbox): Promise<void> {
    execFileSync('cp', ['--archive', `${original.root}/.`, this.root])
    if (this.kind === 'sqlite') return
    const tables = (await original.sql('SHOW TABLES')).flat()
    await this.#createDatabase(
      tables.flatMap((table) => [
        `CREATE TABLE \`${table}\` LIKE ${original.database}.\`${table}\``,
        `INSERT INTO \`${table}\` SELECT * FROM ${original.database}.\`${table}\``,
      ]),
    )
    for (const entry of readdirSync(this.root, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      const text = readFileSync(path, 'latin1')
      const own = text.replaceAll(original.database, this.database)
      if (own !== text) writeFileSync(path, own, 'latin1')
    }
  }

  /** All on one connection: there are hundreds of sandboxes in a run. */
  async #createDatabase(inIt: readonly string[], parameters: readonly unknown[] = []): Promise<void> {
    const { database } = this
    const statements = [
      `CREATE DATABASE ${database}`,
      `CREATE USER ${database}@localhost IDENTIFIED BY ?`,
      `GRANT ALL ON ${database}.* TO ${database}@localhost`,
      `USE ${database}`,
      ...inIt,
    ]
    await query(this.#server.socket, undefined, statements.join(';\n'), [password, ...parameters])
  }

  #createEmbeddedStore(rows: readonly (readonly string[])[]): void {
    mkdirSync(this.path('/var/lib/frameworkd'), { recursive: true })
    mkdirSync(this.path('/var/lib/frameworkd/store'), { mode: 0o700 })
    writeFileSync(this.path('/var/lib/frameworkd/store/config.db'), '', { mode: 0o600 })
    using database = new DatabaseSync(this.path('/var/lib/frameworkd/store/config.db'))
    database.exec('CREATE TABLE config (conf VARCHAR(255) NOT NULL COLLATE NOCASE PRIMARY KEY, value TEXT)')
    const insert = database.prepare('INSERT INTO config (conf, value) VALUES (?, ?)')
    for (const row of rows) insert.run(...row)
  }
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}

/** The flags that name a database and its account; the password is in a file below the root. */
function serverFlags(root: string, database: string, place: readonly string[]): string[] {
  return [
    '--store',
    'mysql',
    ...place,
    '--db-name',
    database,
    '--db-user',
    database,
    '--db-password-file',
    `${root}/operator/password`,
  ]
}

export function socketOfRun(): string {
  return serverOfRun.socket
}

const serverOfRun = {
  get socket(): string {
    const socket = process.env.TEST_MARIADB_SOCKET
    if (!socket) throw new Error('no database for the tests: run them with npm test')
    return socket
  },
  get port(): number {
    return Number(process.env.TEST_MARIADB_PORT)
  },
}
