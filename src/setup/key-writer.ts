/**
 * The steps that put a key into file and row; the caller has decided that. They go in this order, so that
 * every crash leaves a state that the next run repairs:
 *
 * 1. what is replaced is kept aside before anything is replaced
 * 2. the row is claimed or replaced before the file is written: the row decides among machines
 * 3. the file is replaced whole, and only while it is what was read before
 */
import type { Diff, Plan } from '../engine/task.ts'
import { type AsideKind, keepAside } from '../host/files/keep-aside.ts'
import type { FileAttributes } from '../host/files/whole-file.ts'
import type { Key } from '../key/key.ts'
import { type KeyOrigin, type KeyState, originOf, parseKeyRow, renderKeyFile } from '../key/key-file.ts'
import type { KeyInspection } from '../keycheck/inspect.ts'
import { requireNoKeyElsewhere } from '../keycheck/other-servers.ts'
import { rowChanged } from '../keycheck/refusal.ts'
import type { ConfigStore } from '../store/config-store.ts'
import type { KeptValue } from './kept-keys.ts'
import type { Machine } from './machine.ts'

export class KeyWriter {
  readonly #machine: Machine
  readonly #store: ConfigStore
  readonly #seen: KeyInspection
  readonly #attributes: FileAttributes
  readonly #kept: KeptValue[] = []

  constructor(machine: Machine, store: ConfigStore, seen: KeyInspection) {
    this.#machine = machine
    this.#store = store
    this.#seen = seen
    this.#attributes = keyFileAttributes(machine, seen)
  }

  /**
   * The plan where file and row hold the key: owner and mode may be wrong, or an interrupted write left its temporary
   * file.
   */
  planRepair(key: Key, warnings: readonly string[]): Plan {
    const { found, path } = this.#seen
    if (!found) throw new Error('a kept key has a file')
    const repair = this.#machine.host.files.plan(path, found.bytes, this.#attributes)
    const finding = { warnings, facts: { key: { fingerprint: key.fingerprint, source: originOf(found.bytes) } } }
    if (!repair) return { outcome: 'ok', summary: `key ${key.fingerprint} in row and ${path}`, ...finding }
    const summary = `give ${path} its owner and mode`
    return { outcome: 'change', summary, ...finding, apply: async () => repair.apply() }
  }

  /** @param key the key that the file will hold; undefined for one that is not made yet */
  diff(key: Key | undefined): Diff {
    const { file, path, found } = this.#seen
    const before = file.kind === 'good' ? shownKey(file.key) : found ? '[damaged, hidden]\n' : ''
    return { path, before, after: shownKey(key) }
  }

  /**
   * @returns what the row holds afterwards: another machine may have claimed it first
   * @throws KnownError as requireNoKeyElsewhere
   */
  async claimRow(key: Key): Promise<KeyState> {
    await requireNoKeyElsewhere(this.#store, key)
    return parseKeyRow(await this.#store.claimRow(key))
  }

  /** @throws KnownError `busy` when the row is no longer what was seen */
  async replaceRow(key: Key): Promise<void> {
    if (await this.#store.replaceRow(this.#seen.rowBytes, key)) return
    throw rowChanged(this.#seen)
  }

  /** What was kept aside so far. */
  get kept(): readonly KeptValue[] {
    return this.#kept
  }

  keepRowAside(kind: AsideKind): void {
    this.#keepAside('row', kind, this.#seen.rowBytes)
  }

  keepFileAside(kind: AsideKind): void {
    if (this.#seen.found) this.#keepAside('file', kind, this.#seen.found.bytes)
  }

  #keepAside(from: KeptValue['from'], kind: AsideKind, bytes: Buffer): void {
    const attributes = { ...this.#attributes, mode: 0o400 }
    const path = keepAside(this.#machine.host.files, this.#seen.path, kind, bytes, attributes, new Date())
    const state = this.#seen[from]
    this.#kept.push({ path, from, key: state.kind === 'good' ? state.key : undefined })
  }

  /** Writes the file, unless it has changed since it was read: a key that somebody else has put there stays. */
  writeFile(key: Key, origin: KeyOrigin): void {
    const text = renderKeyFile(key, origin, new Date())
    this.#machine.host.files.replace(this.#seen.path, this.#seen.found, Buffer.from(text), this.#attributes)
  }

  /** Sets owner and mode of the existing file. */
  repairFile(): void {
    const { found, path } = this.#seen
    if (found) this.#machine.host.files.plan(path, found.bytes, this.#attributes)?.apply()
  }
}

/** 0400; one found 0440 with a group keeps both unless an owner was given. */
function keyFileAttributes({ owner, settings }: Machine, { found }: KeyInspection): FileAttributes {
  const isShared = found !== undefined && (found.stats.mode & 0o7777) === 0o440 && !settings.given.has('owner')
  return isShared
    ? { mode: 0o440, owner: { uid: owner.uid, gid: found.stats.gid } }
    : { mode: 0o400, owner: { uid: owner.uid, gid: owner.gid } }
}

/** A key in a diff. @param key undefined for one that is not made yet */
function shownKey(key: Key | undefined): string {
  return key ? `key=[fingerprint ${key.fingerprint}]\n` : 'key=[new, hidden]\n'
}
