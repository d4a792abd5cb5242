/** A rotation on a machine of its own, and what has to be true of keys and values whenever it is interrupted. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync } from 'node:fs'
import { aesDecrypt, aesEncrypt } from '../../../src/key/aes.ts'
import { Key } from '../../../src/key/key.ts'
import { supersededKeys } from '../../../src/key/superseded.ts'
import { ended, programFile } from '../../support/programs.ts'
import { keyA, keyFileText, keyPath, Sandbox, type StoreKind } from '../../support/sandbox.ts'
import { start } from './start.ts'

/** Rows with a stored value. */
const names = ['a_pass', 'b_pass', 'c_key', 'd_pass']
const owner = process.getuid?.() === 0 ? 33 : (process.getuid?.() ?? 0)

/** A machine with key A and values under it, and the command that rotates. */
export class RotationScene implements AsyncDisposable {
  readonly sandbox: Sandbox
  readonly command: readonly string[]

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox
    const args = ['--non-interactive', '--root', sandbox.root, ...sandbox.flags]
    const choices = ['--yes', '--no-backup', '--no-second-look']
    this.command = [process.execPath, programFile('frameworkd-setup'), 'key', 'rotate', ...args, ...choices]
  }

  static async create(kind: StoreKind): Promise<RotationScene> {
    const sandbox = await Sandbox.create(kind)
    sandbox.giveToOwner()
    sandbox.write(keyPath, keyFileText(keyA), 0o600)
    chownSync(sandbox.path(keyPath), owner, owner)
    chmodSync(sandbox.path(keyPath), 0o400)
    await sandbox.setRow('encryption_key', keyA)
    for (const name of names) await sandbox.setRow(name, encrypt(textOf(name), keyA))
    const { code, stderr } = await sandbox.setup()
    assert.equal(code, 0, stderr)
    return new RotationScene(sandbox)
  }

  /** What must be true at every moment. */
  async assertReadable(): Promise<void> {
    const { sandbox } = this
    const row = await this.keyInRow()
    for (const name of names) assert.equal(await this.read(name, row), textOf(name), `${name} under the key of the row`)
    const file = Key.parse(sandbox.keyInFile() ?? '')
    const past = supersededKeys(await this.bytesOf('encryption_key_superseded'), row)
    assert.ok(file && [row, ...past].some((key) => key.equals(file)), 'the key of the file was never the row’s')
    const known = [row, ...past].map((key) => key.reveal())
    assert.ok(known.includes(keyA), 'the first key is gone')
  }

  /** One more run, of whichever of the two verbs, makes it right. */
  async assertConverges(verb: 'apply' | 'key rotate'): Promise<void> {
    await this.assertReadable()
    const again = verb === 'apply' ? await this.sandbox.setup() : await ended(start(this.command))
    assert.equal(again.code, 0, again.stderr)
    await this.assertReadable()
    assert.equal(this.sandbox.keyInFile(), (await this.keyInRow()).reveal())
    assert.equal(this.sandbox.mode(keyPath), '400')
    assert.deepEqual((await this.sandbox.setup(['--check'])).stdout.match(/pending +\S+/g) ?? [], [])
  }

  async keyInRow(): Promise<Key> {
    const key = Key.parse((await this.bytesOf('encryption_key')).toString('latin1'))
    assert.ok(key, 'no key in the row')
    return key
  }

  async read(name: string, key: Key): Promise<string | undefined> {
    const text = aesDecrypt(await this.bytesOf(name), key.reveal())
    return text ? Buffer.from(text).toString() : undefined
  }

  async bytesOf(name: string): Promise<Buffer> {
    const [[hex] = []] = await this.sandbox.sql('SELECT HEX(value) FROM config WHERE conf = ?', [name])
    return Buffer.from(String(hex ?? ''), 'hex')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.sandbox[Symbol.asyncDispose]()
  }
}

function textOf(name: string): string {
  return `secret of ${name}`
}

export function encrypt(text: string, key: string): Buffer {
  return Buffer.from(aesEncrypt(text, key) ?? [])
}
