/** The front door of frameworkd-setup: its verbs, and what becomes of them. */

import { standardOutput } from '../../host/output/output.ts'
import { readInvocation, runInvocation } from '../dispatch.ts'
import { surviveLostOutput } from '../lost-output.ts'
import { type SetupVerb, setupOptions } from '../options.ts'
import type { ProgramEntry, VerbEntry } from '../program.ts'
import { reportError } from '../report-error.ts'
import type { SetupFlags } from './request.ts'

const endings = [
  '0 done',
  '1 a task failed',
  '2 usage or configuration',
  '3 the key needs a human',
  '4 preflight failed',
  '75 try again later',
  '130 interrupted by Ctrl-C',
  '143 by SIGTERM',
]
const pending = '5 changes are pending (with --detailed-exitcode)'

const verbs: Readonly<Record<SetupVerb, VerbEntry<typeof setupOptions>>> = {
  apply: {
    help: 'bring this machine to the wanted state; what is right already stays as it is',
    examples: [
      'frameworkd-setup --db-host 192.0.2.7 --db-user ossim',
      'frameworkd-setup --non-interactive --store sqlite --output json',
    ],
    exitCodes: [...endings, pending],
    load: () => loadTasks('apply'),
  },
  check: {
    help: 'say what apply would change, with diffs; change nothing',
    examples: ['frameworkd-setup check --detailed-exitcode'],
    exitCodes: [...endings, pending],
    load: () => loadTasks('check'),
  },
  seal: {
    help: 'make a machine or an image safe to clone: what is its own goes, such as the key file',
    examples: ['frameworkd-setup seal --check', 'frameworkd-setup seal --yes --root /mnt/image'],
    exitCodes: [...endings, pending],
    load: async () => {
      const [{ seal }, request] = await Promise.all([import('./seal.ts'), import('./request.ts')])
      return (flags) => seal(flags, request.readRequest(flags), request.readShow(flags, 'seal'))
    },
  },
  status: {
    help: 'tell how the last run ended, or what it waits for',
    examples: ['frameworkd-setup status --wait'],
    exitCodes: [
      '0 done',
      '1 failed',
      '2 usage',
      '3 never ran',
      '4 preflight failed, or it cannot be seen',
      '75 running or waiting',
      '130 or 143 interrupted',
    ],
    load: async () => (await import('./status.ts')).showStatus,
  },
  uninstall: {
    help: 'remove what apply installed; key, rows, logs and changed files stay',
    examples: ['frameworkd-setup uninstall --check', 'frameworkd-setup uninstall --purge --yes'],
    exitCodes: [...endings, pending],
    load: async () => {
      const [{ uninstall }, request] = await Promise.all([import('./uninstall.ts'), import('./request.ts')])
      return (flags) => uninstall(flags, request.readRequest(flags), request.readShow(flags, 'uninstall'))
    },
  },
  config: {
    help: 'tell every setting, its value, where it comes from, and what else could set it',
    examples: ['frameworkd-setup config', 'frameworkd-setup config --output json'],
    exitCodes: ['0 done', '2 usage or configuration', '4 preflight failed', '130 or 143 interrupted'],
    load: async () => (await import('./config.ts')).showConfig,
  },
  'key export': {
    help: 'seal the key for a recipient or with a passphrase: the backup of it',
    examples: [
      'frameworkd-setup key export --to /root/key.age',
      'frameworkd-setup key export --to - --recipient age1... > key.age',
    ],
    exitCodes: endings,
    load: async () => (await import('./key/export.ts')).exportKey,
  },
  'key verify': {
    help: 'open a sealed key and compare it with file, row and stored values; change nothing',
    examples: ['frameworkd-setup key verify --from /root/key.age'],
    exitCodes: endings,
    load: async () => (await import('./key/verify.ts')).verifySealedKey,
  },
  'key import': {
    help: 'put a sealed key in place, unless stored values disprove it',
    examples: ['frameworkd-setup key import --from key.age --identity identity.txt'],
    exitCodes: [...endings, pending],
    load: async () => (await import('./key/import.ts')).importKey,
  },
  'key rotate': {
    help: 'replace the key: every stored value is encrypted anew, in one transaction',
    examples: [
      'frameworkd-setup key rotate --check',
      'frameworkd-setup key rotate --backup key.age --passphrase-file FILE',
    ],
    exitCodes: [...endings, pending],
    load: async () => (await import('./key/rotate.ts')).rotate,
  },
}

export const program: ProgramEntry<typeof setupOptions, SetupVerb> = {
  name: 'frameworkd-setup',
  purpose:
    'Settings, database, encryption key, directories, service: a second run changes nothing, and no key that exists is ever lost.',
  options: setupOptions,
  verbs,
  usualVerb: 'apply',
}

/** Runs frameworkd-setup. @returns its exit code */
export function main(argv: readonly string[]): Promise<number> {
  return surviveLostOutput(program.name, () => runProgram(argv))
}

async function runProgram(argv: readonly string[]): Promise<number> {
  // Files are made with their final modes; this is for those that other programs make for us.
  process.umask(0o077)
  let wantsJson = asksForJson(argv)
  let [verb, check] = ['apply', false]
  try {
    const invocation = await readInvocation(program, argv)
    if ('run' in invocation) {
      verb = invocation.verb
      check = verb === 'check' || invocation.given.isSet('check')
      wantsJson = invocation.given.choice('output') === 'json'
    }
    return await runInvocation(invocation)
  } catch (error) {
    if (wantsJson) standardOutput.write(`${JSON.stringify(await documentOfFailure(verb, check, error))}\n`)
    return reportError(program.name, error)
  }
}

async function loadTasks(verb: 'apply' | 'check') {
  const [{ apply }, { readShow }] = await Promise.all([import('./apply.ts'), import('./request.ts')])
  return async (flags: SetupFlags) => {
    if (!flags.isSet('list-tasks')) return apply(flags, readShow(flags, verb))
    const { listTasks } = await import('./list-tasks.ts')
    return listTasks(flags)
  }
}

/** As far as it can be told from words that nobody has parsed yet. */
function asksForJson(argv: readonly string[]): boolean {
  return argv.some((word, index) => word === '--output=json' || (word === 'json' && argv[index - 1] === '--output'))
}

async function documentOfFailure(verb: string, check: boolean, error: unknown) {
  const { resultDocument } = await import('../../engine/report-json.ts')
  const now = new Date()
  return resultDocument({ verb, check, diff: false, results: [], error, startedAt: now, endedAt: now })
}
