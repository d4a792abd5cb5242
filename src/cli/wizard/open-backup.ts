/** A person's sealed backup of the key, opened with what they say opens it. */
import { readOperatorFile } from '../../host/files/operator-files.ts'
import {
  type Opener,
  openSealedKey,
  parseIdentities,
  readSealedKey,
  type SealedKey,
  sealedLimitBytes,
} from '../../keycheck/sealed-key.ts'
import type { CandidateKey } from '../../keycheck/sealed-refusal.ts'
import { Secret } from '../../text/secret.ts'
import type { Terminal } from './terminal.ts'

/** @throws KnownError where the file cannot be read, or is not opened */
export async function openBackup(terminal: Terminal): Promise<CandidateKey> {
  const file = await terminal.ask({ message: 'File of the sealed backup:', refuse: refuseEmpty })
  const sealed = await readSealedKey(readOperatorFile(file, 'the sealed backup', sealedLimitBytes), file)
  const { key } = await openSealedKey(sealed, await askOpener(sealed, terminal))
  return { key, place: file, file }
}

async function askOpener({ sealedWith }: SealedKey, terminal: Terminal): Promise<Opener> {
  if (sealedWith === 'passphrase')
    return { passphrase: new Secret(await terminal.askSecret({ message: 'Its passphrase:', refuse: refuseEmpty })) }
  const file = await terminal.ask({ message: 'File of the identity that opens it:', refuse: refuseEmpty })
  return { identities: await parseIdentities(readOperatorFile(file, 'the identity'), file) }
}

function refuseEmpty(text: string): string | undefined {
  return text === '' ? 'it is empty' : undefined
}
