import { KnownError } from '../../errors.ts'
import { standardOutput } from '../../host/output/output.ts'
import { suggestion } from '../../text/nearest-name.ts'
import { daemonOptions, optionHelp, parseFlags, requireOptionsOf } from '../flags.ts'
import { surviveLostOutput } from '../lost-output.ts'
import { reportError } from '../report-error.ts'
import { versionLine } from '../version.ts'
import type { DaemonFlags } from './flags.ts'

const program = 'frameworkd'

type Verb = (flags: DaemonFlags) => Promise<number>

/** Each verb is loaded where it is asked for. */
export const verbs: Readonly<Record<string, { help: string; load(): Promise<Verb> }>> = {
  run: {
    help: 'serve in the foreground: for systemd, containers, terminals',
    load: async () => (await import('./run.ts')).serve,
  },
  start: {
    help: 'serve detached; returns when it serves, with its own verdict',
    load: async () => (await import('./control.ts')).start,
  },
  stop: { help: 'end the daemon, by force at the deadline', load: async () => (await import('./control.ts')).stop },
  restart: {
    help: 'check whether it could start again, stop, start',
    load: async () => (await import('./control.ts')).restart,
  },
  reload: {
    help: 'read the settings again; what is wrong changes nothing',
    load: async () => (await import('./control.ts')).reload,
  },
  status: {
    help: 'tell whether it runs: 0 yes, 1 dead with a pidfile, 3 no, 4 unknown',
    load: async () => (await import('./status.ts')).showDaemonStatus,
  },
  ping: { help: 'ask the running daemon, which answers pong', load: async () => (await import('./ping.ts')).ping },
  verify: {
    help: 'make the checks of run, alone, read-only',
    load: async () => (await import('./verify.ts')).showVerification,
  },
}

/** Runs frameworkd. @returns its exit code */
export function main(argv: readonly string[]): Promise<number> {
  return surviveLostOutput(program, () => runProgram(argv))
}

async function runProgram(argv: readonly string[]): Promise<number> {
  process.umask(0o027)
  try {
    const flags = parseFlags(argv, daemonOptions)
    if (flags.isSet('help')) return print(await helpText())
    if (flags.isSet('version')) return print(versionLine(program))
    const [verb = flags.isSet('daemon') ? 'start' : undefined, ...rest] = flags.verbs
    if (rest.length > 0) throw new KnownError('usage', `${rest.join(' ')} is one word too many`, 'see --help')
    if (flags.isSet('daemon') && verb !== 'start')
      throw new KnownError('usage', `-d is start, not ${verb}`, 'see --help')
    const known = verb === undefined ? undefined : Object.entries(verbs).find(([name]) => name === verb)?.[1]
    if (known) {
      requireOptionsOf(verb ?? '', flags, daemonOptions)
      const { daemonFlags } = await import('./flags.ts')
      return await (await known.load())(daemonFlags(flags))
    }
    throw new KnownError(
      'usage',
      verb === undefined ? 'a verb is missing' : `${verb} is not a verb${suggestion(verb, Object.keys(verbs))}`,
      `the verbs are ${Object.keys(verbs).join(', ')}; see --help`,
    )
  } catch (error) {
    return reportError(program, error)
  }
}

async function helpText(): Promise<string> {
  const width = Math.max(...Object.keys(verbs).map((name) => name.length))
  const list = Object.entries(verbs).map(([name, { help }]) => `${name.padEnd(width)}  ${help}\n`)
  return `usage: ${program} ${Object.keys(verbs).join('|')} [options]

Serves OSSIM's web interface and sensors, once its encryption key is the same in file and database.

${list.join('')}
${await optionHelp(daemonOptions)}

exit codes: 0 done, 1 the daemon failed, 2 usage or configuration, 3 the key needs a human,
            75 try again later, 130 or 143 interrupted; those of status stand above
`
}

function print(text: string): 0 {
  standardOutput.write(text)
  return 0
}
