/** The front door of frameworkd: its verbs. */
import { carryOut, readOrder } from '../dispatch.ts'
import { surviveLostOutput } from '../lost-output.ts'
import { type DaemonVerb, daemonOptions } from '../options.ts'
import type { ProgramEntry, VerbEntry } from '../program.ts'
import { reportError } from '../report-error.ts'
import type { DaemonFlags, DaemonRequest } from './request.ts'

type Work = (request: DaemonRequest) => Promise<number>

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
    help: 'serve in the foreground: for systemd, terminals, and containers, which need their --init',
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
    load: () => verb(async () => (await import('./status.ts')).showDaemonStatus),
  },
  ping: {
    help: 'ask the running daemon, which answers pong',
    examples: ['frameworkd ping'],
    exitCodes: ['0 it answers', '1 it does not', usage, '75 try again later'],
    load: () => verb(async () => (await import('./ping.ts')).ping),
  },
  verify: {
    help: 'make the checks of run, alone, read-only',
    examples: ['frameworkd verify'],
    exitCodes: startEndings,
    load: () => verb(async () => (await import('./verify.ts')).showVerification),
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
      return await carryOut(await readOrder(program, argv))
    } catch (error) {
      return reportError(program.name, error)
    }
  })
}

/** Wraps a verb: the command line is read into a request here, once for all verbs. */
async function verb(load: () => Promise<Work>): Promise<(flags: DaemonFlags) => Promise<number>> {
  const { readDaemonRequest } = await import('./request.ts')
  const work = await load()
  return (flags) => work(readDaemonRequest(flags))
}
