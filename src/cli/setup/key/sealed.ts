/** What the verbs of sealed keys have in common: the machine, the file, and what seals and opens it. */
import { KnownError } from '../../../errors.ts'
import { readOperatorFile } from '../../../host/files/operator-files.ts'
import { openHost, requireRights } from '../../../host/preconditions.ts'
import {
  type OpenedKey,
  type Opener,
  openSealedKey,
  parseIdentities,
  readSealedKey,
  requireRecipients,
  type Seal,
  type SealedKey,
  sealedLimitBytes,
} from '../../../keycheck/sealed-key.ts'
import type { CandidateKey } from '../../../keycheck/sealed-refusal.ts'
import { paths } from '../../../paths.ts'
import { loadSettings } from '../../../settings/load.ts'
import { requireStore } from '../../../settings/require-store.ts'
import { asksForOffline, Machine } from '../../../setup/machine.ts'
import type { Watch } from '../../../store/config-store.ts'
import { Secret } from '../../../text/secret.ts'
import { mayAsk, openTerminal } from '../ask.ts'
import { readSettingsRequest, type SetupFlags } from '../request.ts'
import type { RunPresentation } from '../run-and-report.ts'

/**
 * The machine whose key it is.
 * @param check nothing may be written
 * @param only completes "only root may … this machine": who cannot read the key file has no business here
 * @throws KnownError `preflight`, and `usage` where two options want standard input
 */
export function openMachine(
  flags: SetupFlags,
  { check, only, watch }: { check: boolean; only: string; watch: Watch },
  signal: AbortSignal,
): Machine {
  requireOneReader(flags)
  const host = openHost(flags.text('root'))
  requireRights(host, only)
  const request = readSettingsRequest(flags, host)
  const settings = loadSettings(request)
  requireStore(settings)
  const work = {
    adopt: undefined,
    settingsFile: request.configFile ?? paths.settings,
    check,
    ignoredPreflight: [],
    takeOver: false,
    forImage: false,
    offline: asksForOffline(process.env),
    watch,
  }
  return new Machine(host, settings, work, signal)
}

/** @throws KnownError `usage` where it was not given */
export function requireFile(flags: SetupFlags, name: 'to' | SealedFile): string {
  const file = flags.text(name)
  if (file !== undefined) return file
  throw new KnownError('usage', `--${name} is missing`, `name the file of the sealed key: --${name} FILE`)
}

/** What is needed to ask a person where an option was not given. */
interface PromptContext {
  flags: SetupFlags
  show: RunPresentation
  signal: AbortSignal
}

/** A sealed key that an option named, opened. */
export type GivenKey = OpenedKey & CandidateKey

/** The options that name a sealed key. */
type SealedFile = 'from' | 'backup'

/** Opens what `--from`, or another option, names, with what was given, or asked for. */
export async function openGivenKey(context: PromptContext, option: SealedFile = 'from'): Promise<GivenKey> {
  const { flags } = context
  const file = requireFile(flags, option)
  const place = file === '-' ? 'standard input' : file
  const sealed = await readSealedKey(readOperatorFile(file, `--${option}`, sealedLimitBytes), place)
  const opener = (await givenOpener(flags)) ?? (await askOpener(sealed, context))
  return { ...(await openSealedKey(sealed, opener)), place, file: file === '-' ? undefined : file }
}

async function askOpener({ place, sealedWith }: SealedKey, { flags, show, signal }: PromptContext): Promise<Opener> {
  if (sealedWith === 'recipients') {
    const hint = 'name the identity of that recipient: --identity FILE'
    throw new KnownError('sealed-key', `${place} is sealed for a recipient`, hint)
  }
  if (!mayAsk(flags, show)) throw nobodyToAsk(`${place} is sealed with a passphrase`, '--passphrase-file FILE')
  const terminal = await openTerminal(signal, show.color)
  return { passphrase: new Secret(await terminal.askSecret({ message: `Passphrase of ${place}:`, refuse: noEmpty })) }
}

/** What was given to open it with; undefined where nothing was. */
async function givenOpener(flags: SetupFlags): Promise<Opener | undefined> {
  const [passphraseFile, identity] = [flags.text('passphrase-file'), flags.text('identity')]
  if (passphraseFile !== undefined && identity !== undefined)
    throw new KnownError('usage', '--passphrase-file and --identity: only one of them opens it', 'leave one out')
  if (passphraseFile !== undefined) return { passphrase: readPassphrase(passphraseFile) }
  return identity === undefined ? undefined : { identities: await readIdentities(identity) }
}

async function readIdentities(file: string): Promise<Secret[]> {
  return await parseIdentities(readOperatorFile(file, '--identity'), file)
}

/**
 * What a key is to be sealed with, and how that is opened again; undefined where it cannot be here.
 * @param mayAskHere standard output is for questions, and not for the sealed key
 */
export async function readNewSeal(
  context: PromptContext,
  mayAskHere: boolean,
): Promise<{ seal: Seal; opener: Opener | undefined }> {
  const { flags } = context
  const [recipients, passphraseFile] = [flags.texts('recipient'), flags.text('passphrase-file')]
  if (recipients.length > 0 && passphraseFile !== undefined)
    throw new KnownError('usage', '--recipient and --passphrase-file: only one of them seals it', 'leave one out')
  if (recipients.length > 0) {
    await requireRecipients(recipients)
    const identity = flags.text('identity')
    const opener = identity === undefined ? undefined : { identities: await readIdentities(identity) }
    return { seal: { recipients }, opener }
  }
  if (passphraseFile === undefined && !(mayAskHere && mayAsk(flags, context.show)))
    throw nobodyToAsk('nothing says who can open the sealed key', '--recipient or --passphrase-file')
  const seal = {
    passphrase: passphraseFile === undefined ? await askNewPassphrase(context) : readPassphrase(passphraseFile),
  }
  return { seal, opener: seal }
}

async function askNewPassphrase({ show, signal }: PromptContext): Promise<Secret> {
  const terminal = await openTerminal(signal, show.color)
  terminal.say('Without this passphrase nobody can open the sealed key. Keep it elsewhere.')
  for (;;) {
    const first = await terminal.askSecret({ message: 'New passphrase:', refuse: noEmpty })
    const second = await terminal.askSecret({ message: 'The same again:', refuse: () => undefined })
    if (first === second) return new Secret(first)
    terminal.say('These are two different ones.')
  }
}

/** Editors end a file with a newline; it is not part of the passphrase. */
function readPassphrase(file: string): Secret {
  const bytes = readOperatorFile(file, '--passphrase-file')
  const text = bytes.toString('utf8').replace(/\r?\n$/, '')
  const refuse = (why: string) =>
    new KnownError('configuration', `--passphrase-file: ${file} ${why}`, 'name a file that holds the passphrase')
  if (!Buffer.from(bytes.toString('utf8')).equals(bytes)) throw refuse('is not UTF-8')
  if (text === '') throw refuse('is empty')
  // The program `age` asks for one line, and could never be given more.
  if (/[\r\n]/.test(text)) throw refuse('holds more than one line')
  return new Secret(text)
}

function noEmpty(text: string): string | undefined {
  return text === '' ? 'it is empty' : undefined
}

function nobodyToAsk(what: string, flags: string): KnownError {
  return new KnownError('usage', `${what}, and there is nobody to ask`, `give ${flags}`)
}

/** Standard input can be read once. */
function requireOneReader(flags: SetupFlags): void {
  const names = ['from', 'backup', 'passphrase-file', 'identity', 'db-password-file'] as const
  const readers = names.filter((name) => flags.text(name) === '-').map((name) => `--${name}`)
  if (readers.length < 2) return
  const hint = 'name a file for all but one'
  throw new KnownError('usage', `${readers.join(' and ')}: standard input cannot be read twice`, hint)
}
