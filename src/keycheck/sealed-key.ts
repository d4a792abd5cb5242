/**
 * Sealed keys: age files (age-encryption.org/v1), in ASCII armour or not, that the program `age` opens and
 * makes too. An error that the library throws while it reads a file means that the file is bad: it is no bug.
 */

import { KnownError } from '../errors.ts'
import type { Key } from '../key/key.ts'
import { parseSealedText } from '../key/sealed-text.ts'
import { quoteForShell } from '../text/command-line.ts'
import type { Secret } from '../text/secret.ts'

/** Who can open what is sealed: who knows the passphrase, or who has the identity of a recipient. */
export type Seal = { passphrase: Secret } | { recipients: readonly string[] }

/** What a sealed key is opened with. */
export type Opener = { passphrase: Secret } | { identities: readonly Secret[] }

/** A sealed key that nobody has opened yet. */
export interface SealedKey {
  /** Where it came from, for people. */
  place: string
  sealedWith: 'passphrase' | 'recipients'
  bytes: Uint8Array
}

export interface OpenedKey {
  key: Key
  /** ISO 8601; undefined where somebody else has sealed it. */
  exportedAt: string | undefined
}

/** The longest sealed key that is read: a sealed key file is always shorter (read-entry.ts limits key files). */
export const sealedLimitBytes = 2 * 1024 * 1024

const armourBegins = '-----BEGIN AGE ENCRYPTED FILE-----'
const fileBegins = 'age-encryption.org/'
/** The highest work factor of scrypt, as a power of two: it takes 1 GiB of memory. The program `age` uses 18. */
const highestWorkFactor = 20

/** @returns the sealed text in ASCII armour */
export async function sealText(text: Buffer, seal: Seal): Promise<string> {
  const { Encrypter, armor } = await import('age-encryption')
  const encrypter = new Encrypter()
  if ('passphrase' in seal) encrypter.setPassphrase(seal.passphrase.reveal())
  else for (const recipient of seal.recipients) encrypter.addRecipient(recipient)
  return armor.encode(await encrypter.encrypt(text))
}

/** @throws KnownError `usage` for what is no recipient that the library knows */
export async function requireRecipients(recipients: readonly string[]): Promise<void> {
  const { Encrypter } = await import('age-encryption')
  for (const recipient of recipients) {
    try {
      new Encrypter().addRecipient(recipient)
    } catch {
      // The word may be a secret that was given by mistake: it is not quoted.
      throw new KnownError('usage', `--recipient: ${explainBadRecipient(recipient)}`, 'make one with: age-keygen')
    }
  }
}

function explainBadRecipient(text: string): string {
  if (/^ssh-|^ecdsa-/.test(text)) return 'keys of SSH are not supported, only recipients of age (age1...)'
  if (/^AGE-SECRET-KEY-|^AGE-PLUGIN-/i.test(text))
    return 'that is an identity, which is secret, and others have seen it now; a recipient begins with age1'
  if (/^age1[a-z0-9]+1/.test(text)) return 'recipients of plugins are not supported, or it is mistyped'
  return 'that is no recipient of age (age1...), or it is mistyped'
}

/**
 * Reads a file of identities, as `age-keygen` writes it.
 * @throws KnownError `configuration` for a file without any, and for kinds that the library does not know
 */
export async function parseIdentities(bytes: Buffer, place: string): Promise<Secret[]> {
  const [{ Decrypter }, { Secret }] = await Promise.all([import('age-encryption'), import('../text/secret.ts')])
  const text = bytes.toString('latin1')
  const refuse = (why: string) => new KnownError('configuration', `--identity: ${place} ${why}`, identityHint)
  if (text.startsWith(armourBegins) || text.startsWith(fileBegins))
    throw new KnownError(
      'configuration',
      `--identity: ${place} is sealed itself`,
      `open it first: age -d ${quoteForShell(place)}`,
    )
  if (text.includes('PRIVATE KEY-----')) throw refuse('is a key of SSH, which is not supported')
  const words = text.split('\n').map((line) => line.trim())
  const identities = words.filter((word) => word !== '' && !word.startsWith('#'))
  if (identities.length === 0) throw refuse('holds no identity')
  for (const identity of identities) {
    try {
      new Decrypter().addIdentity(identity)
    } catch {
      throw refuse('has a line that is no identity of age (AGE-SECRET-KEY-...)')
    }
  }
  return identities.map((identity) => new Secret(identity))
}

const identityHint = 'name the file that age-keygen has made, whose recipient the key was sealed for'

/**
 * Looks at a sealed key without opening it.
 * @throws KnownError `sealed-key` for what is no age file, is cut, or asks for too much work
 */
export async function readSealedKey(file: Buffer, place: string): Promise<SealedKey> {
  const { Decrypter, armor } = await import('age-encryption')
  let [bytes, stanzas]: [Uint8Array, readonly (readonly string[])[]] = [file, []]
  const headerReader = new Decrypter()
  headerReader.addIdentity({
    unwrapFileKey(found) {
      stanzas = found.map(({ args }) => args)
      return null
    },
  })
  try {
    const text = file.toString('latin1')
    if (text.trimStart().startsWith(armourBegins)) bytes = armor.decode(text)
    // It always ends with an error, since the identity above gives no file key.
    await headerReader.decryptHeader(bytes)
  } catch (error) {
    if (stanzas.length === 0) throw unreadable(file, place, error)
  }
  const [kind, _salt, workFactor] = stanzas[0] ?? []
  if (kind !== 'scrypt') return { place, bytes, sealedWith: 'recipients' }
  if (Number(workFactor) > highestWorkFactor) {
    const hint = 'open it with age -d, and seal what comes out again with age -p'
    throw new KnownError('sealed-key', `${place} asks for more work than is done here (2^${workFactor})`, hint)
  }
  return { place, bytes, sealedWith: 'passphrase' }
}

function unreadable(file: Buffer, place: string, cause: unknown): KnownError {
  const begins = file.subarray(0, 100).toString('latin1').trimStart()
  if (begins.startsWith(armourBegins) || begins.startsWith(fileBegins)) return cutOrDamaged(place, cause)
  const hint = 'name a file that key export has made, or age from a key file'
  return new KnownError('sealed-key', `${place} is no sealed key: it is no age file`, hint, { cause })
}

function cutOrDamaged(place: string, cause?: unknown): KnownError {
  const hint = 'take another copy of it, or another backup'
  return new KnownError('sealed-key', `${place} is cut or damaged`, hint, { cause })
}

/**
 * Opens a sealed key.
 * @throws KnownError `sealed-key` for the wrong passphrase or identity, a file that is cut or damaged, and for
 * what is sealed and no key
 */
export async function openSealedKey(sealed: SealedKey, opener: Opener): Promise<OpenedKey> {
  const { Decrypter } = await import('age-encryption')
  const { place, sealedWith, bytes } = sealed
  requireOpenerFor(sealed, opener)
  const decrypter = new Decrypter()
  if ('passphrase' in opener) decrypter.addPassphrase(opener.passphrase.reveal())
  else for (const identity of opener.identities) decrypter.addIdentity(identity.reveal())
  let isNoOpenerRight = false
  decrypter.addIdentity({
    // The library asks this one last, where none of the others fits.
    unwrapFileKey() {
      isNoOpenerRight = true
      return null
    },
  })
  let text: Buffer
  try {
    text = Buffer.from(await decrypter.decrypt(bytes))
  } catch (cause) {
    if (!isNoOpenerRight) throw cutOrDamaged(place, cause)
    throw sealedWith === 'passphrase'
      ? new KnownError('sealed-key', `the passphrase does not open ${place}`, 'type it again, or name its file', {
          cause,
        })
      : new KnownError('sealed-key', `${place} is sealed for another recipient`, identityHint, { cause })
  }
  const found = parseSealedText(text)
  if (found.kind === 'good') return { key: found.key, exportedAt: found.exportedAt }
  const hint = 'name a file that key export has made, or age from a key file'
  throw new KnownError('sealed-key', `what is sealed in ${place} is no key file: ${found.reason}`, hint)
}

function requireOpenerFor({ place, sealedWith }: SealedKey, opener: Opener): void {
  const isPassphrase = 'passphrase' in opener
  if (isPassphrase === (sealedWith === 'passphrase')) return
  throw isPassphrase
    ? new KnownError('sealed-key', `${place} is sealed for a recipient`, 'name their identity: --identity FILE')
    : new KnownError('sealed-key', `${place} is sealed with a passphrase`, 'name its file: --passphrase-file FILE')
}
