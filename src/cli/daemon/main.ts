/** The front door of frameworkd: its verbs. */
import { standardOutput } from '../../host/output/output.ts'
import { readInvocation, runInvocation } from '../dispatch.ts'
import { surviveLostOutput } from '../lost-output.ts'
import { type DaemonVerb, daemonOptions } from '../options.ts'
import type { ProgramEntry, VerbEntry } from '../program.ts'
import { reportError } from '../report-error.ts'
import type { DaemonFlags, DaemonRequest } from './request.ts'

type Work = (request: DaemonRequest) => Promise<number>

/** Of a verb with `--json`: there is a document, too, where the words cannot be read or nothing can be asked. */
interface JsonWork {
  work: Work
  documentOf(error: unknown): object
}

const usage = '2 usage or configuration'
const startEndings = [
  '0 done',
  '1 the daemon failed',
  usage,
  '3 the key needs a human',
  '4 it cannot be told whether one runs',
  '75 try again later',
  '130 or 143 interrupted',
]
const controlEndings = [
  '0 done',
  '1 it failed',
  usage,
  '4 it cannot be told whether one runs',
  '130 or 143 interrupted',
]

const verbs: Readonly<Record<DaemonVerb, VerbEntry<typeof daemonOptions>>> = {
  run: {
    help: 'serve in the foreground: for systemd, terminals, and containers (start those with --init)',
    examples: ['frameworkd run -v', 'frameworkd run --log-format json'],
    exitCodes: startEndings,
    load: () => verb(async () => (await import('./run.ts')).serve),
  },
  start: {
    help: 'serve detached; returns when it serves, with its own verdict',
    examples: ['frameworkd start --timeout 30'],
    exitCodes: startEndings,
    load: () => verb(async () => (await import('./control.ts')).start),
  },
  stop: {
    help: 'end the daemon, by force at the deadline',
    examples: ['frameworkd stop'],
    exitCodes: controlEndings,
    load: () => verb(async () => (await import('./control.ts')).stop),
  },
  restart: {
    help: 'check whether it could start again, stop, start',
    examples: ['frameworkd restart'],
    exitCodes: startEndings,
    load: () => verb(async () => (await import('./control.ts')).restart),
  },
  reload: {
    help: 'read the settings again; what is wrong changes nothing',
    examples: ['frameworkd reload'],
    exitCodes: controlEndings,
    load: () => verb(async () => (await import('./control.ts')).reload),
  },
  status: {
    help: 'tell whether it runs',
    examples: ['frameworkd status --check --json'],
    exitCodes: [
      '0 it runs',
      '1 dead with a pidfile, or with --check: file and row no longer agree',
      usage,
      '3 it does not run',
      '4 it cannot be told',
    ],
    load: () =>
      verb(async () => {
        const { documentOfUnknown, showDaemonStatus } = await import('./status.ts')
        return { work: showDaemonStatus, documentOf: documentOfUnknown }
      }),
  },
  ping: {
    help: 'ask the running daemon, which answers pong',
    examples: ['frameworkd ping'],
    exitCodes: ['0 it answers', '1 it does not', usage, '4 preflight failed', '75 try again later'],
    load: () =>
      verb(async () => {
        const { documentOfNoAnswer, ping } = await import('./ping.ts')
        return { work: ping, documentOf: documentOfNoAnswer }
      }),
  },
  verify: {
    help: 'make the checks of run, alone, read-only',
    examples: ['frameworkd verify'],
    exitCodes: startEndings,
    load: () =>
      verb(async () => {
        const { documentOfFailure, showVerification } = await import('./verify.ts')
        return { work: showVerification, documentOf: documentOfFailure }
      }),
  },
}

export const program: ProgramEntry<typeof daemonOptions, DaemonVerb> = {
  name: 'frameworkd',
  purpose: "Serves OSSIM's web interface and sensors, once its encryption key is the same in file and database.",
  options: daemonOptions,
  verbs,
}

/** Runs frameworkd. @returns its exit code */
export function main(argv: readonly string[]): Promise<number> {
  return surviveLostOutput(program.name, async () => {
    process.umask(0o027)
    try {
      return await runInvocation(await readInvocation(program, argv))
    } catch (error) {
      return reportError(program.name, error)
    }
  })
}

/** Wraps a verb: the command line is read into a request here, once for all verbs. */
async function verb(load: () => Promise<Work | JsonWork>): Promise<(flags: DaemonFlags) => Promise<number>> {
  const { readDaemonRequest } = await import('./request.ts')
  const loaded = await load()
  if (typeof loaded === 'function') return (flags) => loaded(readDaemonRequest(flags))
  const { work, documentOf } = loaded
  const read = (flags: DaemonFlags) => {
    try {
      return readDaemonRequest(flags)
    } catch (error) {
      if (flags.isSet('json')) standardOutput.write(`${JSON.stringify(documentOf(error))}\n`)
      throw error
    }
  }
  return (flags) => work(read(flags))
}
