import { Starter } from '../../daemon/instance/starter.ts'
import { run } from '../../daemon/run.ts'
import { KnownError } from '../../errors.ts'
import { isJournal, openConsole } from '../../host/output/console.ts'
import { openStartPipe } from '../../host/processes/detach.ts'
import { readPackageVersion } from '../../product/package.ts'
import { loadSettings } from '../../settings/load.ts'
import { reportError } from '../report-error.ts'
import { type DaemonRequest, settingsRequest } from './request.ts'

/** `frameworkd run`. A `frameworkd start` that started us detached gets the result over its pipe. */
export async function serve(request: DaemonRequest): Promise<number> {
  const pipe = openStartPipe(process.env)
  const starter = pipe && new Starter(pipe)
  const consoleLines = starter ? undefined : openConsole((lost) => `frameworkd: ${lost} lines were lost here\n`)
  try {
    await run({
      root: request.root,
      loadSettings: (host) => loadSettings(settingsRequest(request, host)),
      version: readPackageVersion(),
      user: request.user,
      pidfile: request.pidfile,
      logFile: request.logFile,
      log: {
        verbosity: request.verbosity,
        format: request.logFormat,
        console: consoleLines,
        journal: isJournal(process.env.JOURNAL_STREAM),
      },
      starter,
      say(line) {
        if (starter) starter.tell({ says: line })
        else consoleLines?.write(`frameworkd: ${line}\n`)
      },
    })
  } catch (error) {
    if (!starter) throw error
    await starter.close({ ends: failureOf(error) })
    return failureOf(error).exitCode
  }
  await starter?.close({ ends: { exitCode: 1, text: 'frameworkd: it was stopped before it served\n' } })
  return 0
}

function failureOf(error: unknown) {
  let text = ''
  const exitCode = reportError('frameworkd', error, { write: (piece) => (text += piece) })
  return { exitCode, text, ...(error instanceof KnownError && { code: error.code }) }
}
