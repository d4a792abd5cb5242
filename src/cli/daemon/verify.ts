import { type CheckResult, verify } from '../../daemon/verify.ts'
import { standardOutput } from '../../host/output/output.ts'
import { loadSettings } from '../../settings/load.ts'
import { listenForInterrupts } from '../interrupts.ts'
import { type DaemonRequest, settingsRequest } from './request.ts'

/** `frameworkd verify`: one line a check. @throws KnownError the first failure, with the exit code of a start */
export async function showVerification(request: DaemonRequest): Promise<number> {
  const signal = listenForInterrupts()
  await verify(
    {
      root: request.root,
      loadSettings: (host) => loadSettings(settingsRequest(request, host)),
      user: request.user,
      pidfile: request.pidfile,
      signal,
    },
    (result) => standardOutput.write(lineOf(result)),
  )
  return 0
}

function lineOf({ name, outcome, detail }: CheckResult): string {
  return `${`${name.padEnd(8)}  ${outcome.padEnd(7)}  ${detail}`.trimEnd()}\n`
}
