import { type CheckResult, verify } from '../../daemon/verify.ts'
import { documentOfError } from '../../errors.ts'
import { looksOf } from '../../host/output/looks.ts'
import { standardOutput } from '../../host/output/output.ts'
import { loadSettings } from '../../settings/load.ts'
import { listenForInterrupts } from '../interrupts.ts'
import { SlowLine } from '../slow-line.ts'
import { type DaemonRequest, settingsRequest } from './request.ts'

/**
 * `frameworkd verify`: one line a check, or one document of all.
 * @throws KnownError the first failure, with the exit code of a start
 */
export async function showVerification(request: DaemonRequest): Promise<number> {
  if (!request.json) {
    await check(request, (result) => standardOutput.write(lineOf(result)))
    return 0
  }
  const checks: CheckResult[] = []
  const tellAll = (document: object) => standardOutput.write(`${JSON.stringify(document)}\n`)
  try {
    await check(request, (result) => checks.push(result))
    tellAll({ version: 1, outcome: 'ok', checks })
    return 0
  } catch (error) {
    tellAll(documentOfFailure(error, checks))
    throw error
  }
}

/** What `--json` has where a check failed, or none could be made. */
export function documentOfFailure(error: unknown, checks: readonly CheckResult[] = []): object {
  return { version: 1, outcome: 'failed', checks, error: documentOfError(error) }
}

async function check(request: DaemonRequest, tell: (result: CheckResult) => void): Promise<void> {
  const signal = listenForInterrupts()
  await verify(
    {
      root: request.root,
      loadSettings: (host) => loadSettings(settingsRequest(request, host)),
      user: request.user,
      pidfile: request.pidfile,
      signal,
      watch: new SlowLine('frameworkd', request.json ? 'json' : 'text', looksOf(process.env).color).watch,
    },
    tell,
  )
}

function lineOf({ name, outcome, detail }: CheckResult): string {
  return `${`${name.padEnd(8)}  ${outcome.padEnd(7)}  ${detail}`.trimEnd()}\n`
}
