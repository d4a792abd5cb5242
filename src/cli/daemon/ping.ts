import { findDaemon, notServingYet } from '../../daemon/instance/find.ts'
import { pingDaemon } from '../../daemon/listener/ping-client.ts'
import { documentOfError, KnownError, messageOf, systemCode } from '../../errors.ts'
import { standardOutput } from '../../host/output/output.ts'
import { daemonCommand } from '../../text/command-line.ts'
import { type DaemonRequest, settingsRequest } from './request.ts'

const answerLimitMs = 5000

/**
 * `frameworkd ping`: asks the daemon that runs here, or the one at the address and port of the flags. The settings are
 * read only where a daemon runs and its note does not say where it listens.
 */
export async function ping(request: DaemonRequest): Promise<number> {
  if (!request.json) {
    await askDaemon(request)
    standardOutput.write('pong\n')
    return 0
  }
  try {
    const endpoint = await askDaemon(request)
    standardOutput.write(`${JSON.stringify({ version: 1, answers: true, ...endpoint })}\n`)
    return 0
  } catch (error) {
    standardOutput.write(`${JSON.stringify(documentOfNoAnswer(error))}\n`)
    throw error
  }
}

/** What `--json` has where nobody answers, or it cannot even be tried. */
export function documentOfNoAnswer(error: unknown): object {
  return { version: 1, answers: false, error: documentOfError(error) }
}

/** @returns where it answers. @throws KnownError where it does not */
async function askDaemon(request: DaemonRequest): Promise<{ address: string; port: number }> {
  const { address, port } = await findEndpoint(request)
  if (await ask(address, port, request.root)) return { address, port }
  const hint = `see who listens there: ss -ltnp 'sport = :${port}'`
  throw new KnownError('task-failed', `what answers on ${address} port ${port} is not frameworkd`, hint)
}

async function ask(address: string, port: number, root: string): Promise<boolean> {
  try {
    return await pingDaemon(address, port, answerLimitMs)
  } catch (error) {
    const isRefused = systemCode(error) === 'ECONNREFUSED'
    const why = isRefused ? 'connection refused' : messageOf(error)
    const hint = isRefused ? startHint(root) : `look at it: ${daemonCommand(root, 'status')}`
    throw new KnownError('task-failed', `nobody answers on ${address} port ${port}: ${why}`, hint, { cause: error })
  }
}

function startHint(root: string): string {
  return `start it: ${daemonCommand(root, 'start')}`
}

async function findEndpoint(request: DaemonRequest): Promise<{ address: string; port: number }> {
  const isGiven = request.settings.size > 0
  const daemon = isGiven ? undefined : findDaemon(request.host, request.pidfile)
  if (daemon?.kind === 'running' && daemon.note?.listens) return daemon.note.listens
  if (daemon?.kind === 'waiting') throw notServingYet(request.host, daemon)
  if (daemon?.kind === 'stopped' || daemon?.kind === 'dead')
    throw new KnownError('task-failed', 'frameworkd is not running', startHint(request.root))
  const { loadSettings } = await import('../../settings/load.ts')
  const loaded = loadSettings(settingsRequest(request, request.host))
  if (request.settings.has('port')) return { address: loaded.listenAddress, port: loaded.port }
  const { resolveAccount } = await import('../../host/accounts.ts')
  const { openStore } = await import('../../store/open-store.ts')
  const owner = () => resolveAccount(request.host.files, loaded.owner)
  await using store = await openStore(loaded, request.host, owner, AbortSignal.timeout(2 * answerLimitMs))
  const { listenAddress, port } = loaded.withRows(await store.rows(), owner)
  return { address: listenAddress, port }
}
