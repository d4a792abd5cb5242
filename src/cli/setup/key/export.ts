/** `frameworkd-setup key export`: the key, sealed, and opened again before anybody is told that it is there. */
import type { Plan, Task } from '../../../engine/task.ts'
import { KnownError } from '../../../errors.ts'
import { createOperatorFile, readOperatorFile, requireFreePath } from '../../../host/files/operator-files.ts'
import { standardError, standardOutput } from '../../../host/output/output.ts'
import type { Key } from '../../../key/key.ts'
import { originOf } from '../../../key/key-file.ts'
import { renderSealedText } from '../../../key/sealed-text.ts'
import { inspectKey, requireAgreement } from '../../../keycheck/inspect.ts'
import { type Opener, openSealedKey, readSealedKey, type Seal, sealText } from '../../../keycheck/sealed-key.ts'
import type { Machine } from '../../../setup/machine.ts'
import { quoteForShell, setupCommand } from '../../../text/command-line.ts'
import { listenForInterrupts } from '../../interrupts.ts'
import { readShow, type SetupFlags } from '../request.ts'
import { concludeRun, type RunPresentation, runAndReport } from '../run-and-report.ts'
import { openMachine, readNewSeal, requireFile } from './sealed.ts'

/** @returns the exit code */
export async function exportKey(flags: SetupFlags): Promise<number> {
  const signal = listenForInterrupts()
  const asked = readShow(flags, 'key export')
  await using machine = openMachine(flags, { check: true, only: 'export the key of', watch: asked.slow.watch }, signal)
  const to = requireFile(flags, 'to')
  const toOutput = to === '-'
  const show = showFor(toOutput, asked)
  if (!toOutput) requireFreePath(to, '--to')
  // What can fail without a question fails before one.
  const good = await readGoodKey(machine)
  const { seal, opener } = await readNewSeal({ flags, show, signal }, !toOutput)
  const task = makeSealTask(good, seal, opener, to)
  const options = { check: false, signal }
  return concludeRun(await runAndReport([task], machine, options, show), show)
}

/** Where the sealed key is all that standard output gets, people are told elsewhere. */
function showFor(toOutput: boolean, show: RunPresentation): RunPresentation {
  if (!toOutput) return show
  if (show.format === 'text') return { ...show, textTo: standardError }
  const hint = 'name a file, or leave --output json out'
  throw new KnownError('usage', '--to -: standard output cannot hold the sealed key and a document of JSON', hint)
}

interface GoodKey {
  /** The tree that is worked on. */
  root: string
  key: Key
  keyFile: Buffer
  warnings: readonly string[]
}

/** As the daemon demands it. @throws KnownError with exit code 3 where file and row do not agree */
async function readGoodKey(machine: Machine): Promise<GoodKey> {
  const settings = await machine.settingsWithRows()
  const inspection = await inspectKey(settings, machine.host, await machine.store())
  const { key, warnings } = requireAgreement(inspection)
  if (!inspection.found) throw new Error('file and row agree, and there is no file')
  return { root: inspection.root, key, keyFile: inspection.found.bytes, warnings }
}

function makeSealTask(
  { root, key, keyFile, warnings }: GoodKey,
  seal: Seal,
  opener: Opener | undefined,
  to: string,
): Task<Machine> {
  const place = to === '-' ? 'standard output' : to
  const opening = `${setupCommand(root, 'key verify')} --from ${to === '-' ? 'FILE' : quoteForShell(to)} --identity FILE`
  const unopened = `nobody has opened it yet: do so with ${opening}`
  let sealed: Buffer | undefined
  const finding = {
    facts: { key: { fingerprint: key.fingerprint, source: originOf(keyFile) } },
    warnings: [...warnings, ...(opener ? [] : [unopened])],
  }
  return {
    name: 'sealed-key',
    title: 'Seal the key',
    tags: ['key'],
    async plan(): Promise<Plan> {
      if (sealed) {
        if (to !== '-' && !readOperatorFile(to, '--to').equals(sealed)) throw notAsMade(to)
        return { outcome: 'ok', summary: `key ${key.fingerprint} is sealed in ${place}`, ...finding }
      }
      return {
        outcome: 'change',
        summary: `key ${key.fingerprint}, sealed ${describe(seal)}, to ${place}${opener ? '; it opens again' : ''}`,
        ...finding,
        async apply() {
          const armour = await sealText(renderSealedText(keyFile, key, new Date()), seal)
          sealed = Buffer.from(armour)
          if (opener) await requireSame(sealed, opener, key, place)
          if (to === '-') standardOutput.write(armour)
          else createOperatorFile(to, sealed, '--to')
        },
      }
    },
  }
}

/** Before anything is written: what does not open is no backup. */
async function requireSame(sealed: Buffer, opener: Opener, key: Key, place: string): Promise<void> {
  const opened = await openSealedKey(await readSealedKey(sealed, place), opener)
  if (!opened.key.equals(key)) throw new Error('what was sealed is not what comes out')
}

function describe(seal: Seal): string {
  if ('passphrase' in seal) return 'with a passphrase'
  const { length } = seal.recipients
  return `for ${length} ${length === 1 ? 'recipient' : 'recipients'}`
}

function notAsMade(to: string): KnownError {
  const hint = 'it may be a medium that is broken: take another place'
  return new KnownError('task-failed', `${to} does not hold what was written to it`, hint)
}
