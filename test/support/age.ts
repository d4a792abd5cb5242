/** The program `age` of Debian, beside whose files ours are tried. */
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Encrypter } from 'age-encryption'
import { Console, enter } from './pty.ts'

/** For tests: who is not root cannot have it installed. */
export const needsAge = { skip: !existsSync('/usr/bin/age') && 'age is not installed' }

export interface AgeIdentity {
  /** The file that `--identity` takes. */
  file: string
  recipient: string
}

export function makeIdentity(folder: string, name = 'identity.txt'): AgeIdentity {
  const file = join(folder, name)
  execFileSync('age-keygen', ['-o', file], { stdio: 'ignore' })
  return { file, recipient: execFileSync('age-keygen', ['-y', file], { encoding: 'utf8' }).trim() }
}

/** What is sealed in a file, as age opens it. */
export function ageOpen(file: string, identity: Pick<AgeIdentity, 'file'>): string {
  return execFileSync('age', ['-d', '-i', identity.file, file], {
    encoding: 'latin1',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

export function ageSeal(text: string, to: string, identity: AgeIdentity, ...args: string[]): void {
  execFileSync('age', [...args, '-r', identity.recipient, '-o', to], { input: text })
}

/** age asks for a passphrase at its terminal, and nowhere else. */
export async function ageOpenWithPassphrase(file: string, passphrase: string, to: string): Promise<void> {
  await using terminal = new Console(['-d', '-o', to, file], {}, ['age'])
  await terminal.answer(/Enter passphrase[^:]*: ?/, `${passphrase}${enter}`)
  await endedWell(terminal)
}

export async function ageSealWithPassphrase(file: string, passphrase: string, to: string): Promise<void> {
  await using terminal = new Console(['-p', '-o', to, file], {}, ['age'])
  await terminal.answer(/Enter passphrase[^:]*: ?/, `${passphrase}${enter}`)
  await terminal.answer(/Confirm passphrase[^:]*: ?/, `${passphrase}${enter}`)
  await endedWell(terminal)
}

/** Seals with a work factor of scrypt that takes no time; `age` and ours take two seconds, each time it is opened. */
export async function sealWithPassphraseQuickly(text: string, passphrase: string, to: string): Promise<void> {
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  encrypter.setScryptWorkFactor(10)
  writeFileSync(to, await encrypter.encrypt(text))
}

async function endedWell(terminal: Console): Promise<void> {
  const code = await terminal.ended()
  if (code !== 0) throw new Error(`age ended with ${code}: ${terminal.text}`)
}
